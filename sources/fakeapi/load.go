package fakeapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"enrow-export/schema"
)

// LoadDir reads saved answers: each file of dir that is called ID.json, in the
// order of the names. Other files and folders are left alone. An error names
// the file that is not the answer for its id.
func LoadDir(dir string) ([]Batch, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var batches []Batch
	for _, entry := range entries {
		id, ok := strings.CutSuffix(entry.Name(), ".json")
		if !ok || entry.IsDir() {
			continue
		}
		path := filepath.Join(dir, entry.Name())
		if !schema.ValidBatchID(id) {
			return nil, fmt.Errorf("%s: the name is not a batch id", path)
		}
		b, err := load(path, id)
		if err != nil {
			return nil, err
		}
		batches = append(batches, b)
	}
	return batches, nil
}

func load(path, id string) (Batch, error) {
	body, err := os.ReadFile(path)
	if err != nil {
		return Batch{}, err
	}
	var saved struct {
		General struct{ ID string }
	}
	var odd *json.UnmarshalTypeError // then there is no such id
	if err := json.Unmarshal(body, &saved); err != nil && !errors.As(err, &odd) {
		return Batch{}, fmt.Errorf("%s: not JSON", path)
	}
	if saved.General.ID != id {
		return Batch{}, fmt.Errorf("%s: general.id is not the id of the name", path)
	}
	return Batch{ID: id, Body: body, Requested: requested(body)}, nil
}
