package main

import (
	"os"
	"strconv"

	"github.com/urfave/cli/v2"

	"enrow-export/pipeline/export"
)

func shardFlag() *flagDef {
	return textFlag("shard", "I/N", "", "only part I of N of the batches, such as 1/4; or auto").suggests("auto").
		more("The hash of an id decides its part. auto takes the part from CLOUD_RUN_TASK_INDEX and CLOUD_RUN_TASK_COUNT, or from JOB_COMPLETION_INDEX and ENROW_EXPORT_SHARDS.")
}

// shardOf reads --shard.
func shardOf(c *cli.Context) (export.Shard, error) {
	const hint = "write I/N with I from 1 to N, such as 1/4, or auto"
	value := c.String("shard")
	switch {
	case value == "auto":
		return shardOfEnvironment()
	case value == "" && !c.IsSet("shard"):
		return export.Shard{}, nil
	}
	s, err := export.ParseShard(value)
	if err != nil {
		return s, usagef(hint, "--shard: %v", err)
	}
	return s, nil
}

// shardVariables are the pairs of environment variables that tell a process
// which it is, counted from 0, and of how many.
var shardVariables = [][2]string{
	{"CLOUD_RUN_TASK_INDEX", "CLOUD_RUN_TASK_COUNT"}, // set by Cloud Run
	{"JOB_COMPLETION_INDEX", "ENROW_EXPORT_SHARDS"},  // the first set by Kubernetes
}

func shardOfEnvironment() (export.Shard, error) {
	for _, names := range shardVariables {
		index, count := os.Getenv(names[0]), os.Getenv(names[1])
		if index == "" {
			continue
		}
		i, errI := strconv.ParseUint(index, 10, 31)
		n, errN := strconv.ParseUint(count, 10, 31)
		if errI != nil || errN != nil || i >= n {
			return export.Shard{}, usagef("the first counts from 0, and the second is the number of shards",
				"--shard auto: %s=%q and %s=%q give no shard", names[0], index, names[1], count)
		}
		return export.Shard{Index: int(i) + 1, Count: int(n)}, nil
	}
	return export.Shard{}, usagef("they are set in a Cloud Run job, and in an Indexed Job of Kubernetes; give --shard I/N elsewhere",
		"--shard auto: neither %s nor %s is set", shardVariables[0][0], shardVariables[1][0])
}
