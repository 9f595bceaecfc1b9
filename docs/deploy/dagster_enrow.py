"""Exports every 15 minutes the batches that `enrow-export enqueue` has recorded."""

import subprocess

import dagster as dg


@dg.asset
def enrow_batches() -> None:
    run = subprocess.run(["enrow-export", "export", "--pending", "--to", "gs://BUCKET/enrow"])
    if run.returncode not in (0, 75):  # 75: some batches are still ongoing
        raise dg.Failure(f"enrow-export ended with exit code {run.returncode}")


schedule = dg.ScheduleDefinition(name="enrow_export", target=[enrow_batches], cron_schedule="*/15 * * * *")
defs = dg.Definitions(assets=[enrow_batches], schedules=[schedule])
