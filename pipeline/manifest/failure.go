package manifest

import (
	"errors"
	"fmt"

	"enrow-export/pipeline"
	"enrow-export/sinks"
)

// EntryError says that an entry is there but cannot be used. The batch is left
// alone: what the entry names might be lost.
type EntryError struct {
	Name string // of the entry's object
	Err  error
}

func (e *EntryError) Error() string { return fmt.Sprintf("manifest entry %s: %v", e.Name, e.Err) }

// Unwrap returns the cause.
func (e *EntryError) Unwrap() error { return e.Err }

// Failure wraps err as a failure of an operation, such as "prune", on one batch, or on
// all if id is empty. An operation and class that err already has stay.
func Failure(op, id string, err error) *pipeline.Error {
	var e *pipeline.Error
	var unusable *EntryError
	shortage, short := pipeline.Shortage(err)
	switch {
	case errors.As(err, &e) && e.Class == pipeline.Fatal:
		return e
	case short:
		return &pipeline.Error{Op: op, Class: pipeline.Fatal, Err: err, Hint: shortage}
	case errors.Is(err, sinks.ErrUnreachable):
		return &pipeline.Error{
			Op: op, Class: pipeline.Fatal, Err: err,
			Hint: "nothing that was exported is lost: correct the problem at the destination and run again",
		}
	case errors.As(err, &unusable):
		return &pipeline.Error{
			Op: "read", Batch: id, Class: pipeline.Transient, Err: err,
			Hint: "nothing was changed: use the version of enrow-export that wrote it, or move the entry away to export the batch again",
		}
	case e != nil:
		return e
	}
	return &pipeline.Error{Op: op, Batch: id, Class: pipeline.Transient, Err: err}
}
