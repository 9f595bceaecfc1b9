"""Exports every 15 minutes the batches that `enrow-export enqueue` has recorded."""

import pendulum
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG("enrow_export", schedule="*/15 * * * *", start_date=pendulum.datetime(2026, 1, 1), catchup=False, max_active_runs=1):
    BashOperator(
        task_id="export",
        bash_command="enrow-export export --pending --to gs://BUCKET/enrow || exit $(($? == 75 ? 0 : $?))",
        env={"ENROW_API_KEY": "{{ conn.enrow.password }}"},
        append_env=True,
        retries=2,
    )
