package pipelinetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"

	"enrow-export/pipeline"
	"enrow-export/schema"
)

// Answers is a Source that gives each batch its answers in order, the last one again
// and again.
type Answers struct {
	mu    sync.Mutex
	byID  map[string][]any // string: a body; error: a failure
	calls map[string]int
}

// NewAnswers returns a Source that knows no batch.
func NewAnswers() *Answers {
	return &Answers{byID: make(map[string][]any), calls: make(map[string]int)}
}

// Set gives a batch its answers: a string is a body, an error a failure.
func (s *Answers) Set(id string, replies ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byID[id] = replies
}

// Fetch implements pipeline.Source.
func (s *Answers) Fetch(ctx context.Context, _ *schema.Table, id string, buf []byte) ([]byte, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[id]++
	replies := s.byID[id]
	if len(replies) == 0 {
		return nil, &pipeline.Error{Op: "fetch", Batch: id, Class: pipeline.Refused, Err: errors.New("no such batch")}
	}
	reply := replies[0]
	if len(replies) > 1 {
		s.byID[id] = replies[1:]
	}
	if err, ok := reply.(error); ok {
		return nil, err
	}
	return append(buf[:0], reply.(string)...), nil
}

// Count returns how often a batch was asked for.
func (s *Answers) Count(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[id]
}

// Finished returns the answer of a finished batch. content makes two differ.
func Finished(id, content string, rows int) string {
	results := make([]string, rows)
	for i := range results {
		results[i] = fmt.Sprintf(`{"index":"%d","qualification":"valid","email":"%s%d@example.com","new":%d}`, i, content, i, i)
	}
	return fmt.Sprintf(`{"general":{"id":%q,"status":"completed","custom":%q},"stats":{"finished":%d,"requested":%d},"results":[%s]}`,
		id, content, rows, rows, strings.Join(results, ","))
}

// Ongoing returns the answer of a batch that has finished done of its searches.
func Ongoing(id string, done, of int) string {
	return fmt.Sprintf(`{"general":{"id":%q,"status":"ongoing"},"stats":{"finished":%d,"requested":%d}}`, id, done, of)
}

// Completed wraps results in an answer for the batch "b".
func Completed(results string) []byte {
	return fmt.Appendf(nil, `{"general":{"id":"b","status":"completed"},"stats":{},"results":%s}`, results)
}

// Bodies returns the answers of all golden cases, by the name of the case.
func Bodies(tb testing.TB) map[string][]byte {
	tb.Helper()
	paths, err := filepath.Glob("../../testdata/batches/*/answer.json")
	if err != nil || len(paths) == 0 {
		tb.Fatalf("no answers in testdata (%v)", err)
	}
	bodies := make(map[string][]byte)
	for _, path := range paths {
		body, err := os.ReadFile(path)
		if err != nil {
			tb.Fatal(err)
		}
		bodies[filepath.Base(filepath.Dir(path))] = body
	}
	return bodies
}

// CopyOf returns a copy of an answer such as --keep-raw keeps.
func CopyOf(tb testing.TB, body []byte) string {
	tb.Helper()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return string(z.EncodeAll(body, nil))
}

// FailedAtEnrow returns the answer for a batch that has failed at Enrow.
func FailedAtEnrow(id string) string {
	return fmt.Sprintf(`{"general":{"id":%q,"status":"failed"},"stats":{}}`, id)
}
