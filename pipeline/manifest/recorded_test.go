package manifest_test

import (
	"testing"
	"time"

	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// A batch waits since it was recorded, however often it is tried. An entry of an early
// version waits since its last writing at the latest.
func TestRecordedAt(t *testing.T) {
	at := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	store := sinks.NewMemory()
	m := manifest.Manifest{Store: store, Table: &schema.EmailFind, Now: func() time.Time { return at }}
	early := `{"manifest_version":1,"batch_id":"early","kind":"email-find","state":"pending","updated_at":"2026-03-02T11:00:00Z","attempts":0,"tool_version":""}`
	if _, err := sinks.Put(t.Context(), store, m.Name("early"), []byte(early), sinks.IfAbsent()); err != nil {
		t.Fatal(err)
	}
	for id, since := range map[string]time.Time{"new": at, "early": at.Add(-time.Hour)} {
		m.Now = func() time.Time { return at }
		for range 3 {
			if err := m.Change(t.Context(), id, func(e *manifest.Entry) { e.State = manifest.StateOngoing }); err != nil {
				t.Fatal(err)
			}
			e, _, err := m.Read(t.Context(), id)
			if err != nil || !e.Since().Equal(since) {
				t.Errorf("%s waits since %v, want %v, error %v", id, e.Since(), since, err)
			}
			now := e.UpdatedAt.Add(time.Hour)
			m.Now = func() time.Time { return now }
		}
	}
}
