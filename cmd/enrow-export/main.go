// Command enrow-export takes finished batches of the Enrow API by id and lands
// them as typed, flat, warehouse-ready files.
//
// This package turns flags into configuration, calls the pipeline, and turns
// its outcome into text and an exit code. Nothing else is decided here.
package main

import (
	"context"
	"os"
)

func main() {
	os.Exit(run(context.Background(), os.Args, os.Stdin, os.Stdout, os.Stderr))
}
