package probe_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"enrow-export/pipeline"
	"enrow-export/pipeline/probe"
	"enrow-export/sinks"
	"enrow-export/sinks/storetest"
)

func rootOf(store sinks.Store) probe.Root {
	return probe.Root{Store: store, At: "s3://bucket/enrow", Service: "https://s3.test", Flag: "to", Flags: " --s3-path-style", ToolVersion: "1.2.3"}
}

// The first run makes the check, and the next ones read that it was made.
func TestRemembered(t *testing.T) {
	store := sinks.NewContentMemory()
	before := time.Now().UTC().Truncate(time.Millisecond)
	faulty := &storetest.Faulty{Store: store}
	if err := rootOf(faulty).Remembered(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := objects(t, store); !slices.Equal(got, []string{probe.RecordName}) {
		t.Errorf("objects %v", got)
	}
	if n := len(faulty.Ops()); n > 9 {
		t.Errorf("%d operations: %v", n, faulty.Ops())
	}
	data, _, err := store.Get(t.Context(), probe.RecordName)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		StoreVersion int       `json:"store_version"`
		Root         string    `json:"root"`
		Kept         []string  `json:"kept"`
		CheckedAt    time.Time `json:"checked_at"`
		ToolVersion  string    `json:"tool_version"`
	}
	if err := json.Unmarshal(data, &got); err != nil || got.StoreVersion != 1 || got.Root != "s3://bucket/enrow" ||
		!slices.Equal(got.Kept, []string{"put_if_absent", "put_if_version"}) || got.CheckedAt.Before(before) || got.ToolVersion != "1.2.3" {
		t.Errorf("%s, error %v", data, err)
	}
	again := &storetest.Faulty{Store: store}
	if err := rootOf(again).Remembered(t.Context()); err != nil || len(again.Ops()) != 1 {
		t.Errorf("operations %v, error %v", again.Ops(), err)
	}
}

// Only where a version may be the content's there is something to prove.
func TestOtherStoresAreNotAsked(t *testing.T) {
	faulty := &storetest.Faulty{Store: sinks.NewMemory()}
	if err := rootOf(faulty).Remembered(t.Context()); err != nil || faulty.Ops() != nil {
		t.Errorf("operations %v, error %v", faulty.Ops(), err)
	}
}

// What the root says is believed only if it is whole, of this root and of a known version.
func TestRecordsThatAreNotBelieved(t *testing.T) {
	const good = `{"store_version":1,"root":"s3://bucket/enrow","service":"https://s3.test","kept":["put_if_absent","put_if_version"],"checked_at":"2026-01-02T03:04:05Z","tool_version":"1"}`
	for _, test := range []struct {
		data            string
		believed, stays bool
	}{
		{good, true, true},
		{"", false, false},
		{"null", false, false},
		{good + "{}", false, false},
		{strings.Replace(good, `,"put_if_version"`, "", 1), false, false},
		{strings.Replace(good, `"tool_version"`, `"more"`, 1), false, false},
		{strings.Replace(good, "bucket", "other", 1), false, false},
		{strings.Replace(good, "s3.test", "other.test", 1), false, false},
		{strings.Replace(good, `"checked_at":"2026-01-02T03:04:05Z",`, "", 1), false, false},
		{strings.Replace(good, ":1", ":0", 1), false, false},
		{strings.Replace(good, ":1", ":2", 1), false, true},
	} {
		store := sinks.NewContentMemory()
		if _, err := store.Put(t.Context(), probe.RecordName, []byte(test.data), sinks.IfAbsent()); err != nil {
			t.Fatal(err)
		}
		faulty := &storetest.Faulty{Store: store}
		if err := rootOf(faulty).Remembered(t.Context()); err != nil {
			t.Errorf("%s: %v", test.data, err)
		}
		if believed := len(faulty.Ops()) == 1; believed != test.believed {
			t.Errorf("%s: believed is %t", test.data, believed)
		}
		data, _, err := store.Get(t.Context(), probe.RecordName)
		if stays := string(data) == test.data; err != nil || stays != test.stays {
			t.Errorf("%s: now %s, error %v", test.data, data, err)
		}
	}
}

// A store that fails the check is refused, and nothing is remembered.
func TestBrokenStoreIsRefused(t *testing.T) {
	store := sinks.NewContentMemory()
	err := rootOf(&storetest.Careless{Store: store}).Remembered(t.Context())
	var fatal *pipeline.Error
	if !errors.As(err, &fatal) || fatal.Class != pipeline.Fatal {
		t.Fatalf("error %v", err)
	}
	const want = "check destination: the store of s3://bucket/enrow does not keep conditions: an object was replaced by a put that must fail because the object exists"
	const hint = "run enrow-export doctor --to s3://bucket/enrow --s3-path-style; add --single-writer only if no two processes ever write to s3://bucket/enrow at once"
	if err.Error() != want || fatal.Hint != hint {
		t.Errorf("error %v\nhint %s", err, fatal.Hint)
	}
	if got := objects(t, store); got != nil {
		t.Errorf("objects %v", got)
	}
}

// Any other fault is fatal, too: nothing is begun. A store on which the check can be
// finished all the same remembers it.
func TestFaultsWhileRemembering(t *testing.T) {
	for at, fired := 1, true; fired; at++ {
		store := sinks.NewContentMemory()
		faulty := &storetest.Faulty{Store: store, At: at, Mode: storetest.FailAfter}
		err := rootOf(faulty).Remembered(t.Context())
		fired = faulty.Fired()
		var fatal *pipeline.Error
		if err != nil && (!errors.As(err, &fatal) || fatal.Class != pipeline.Fatal || !errors.Is(err, storetest.ErrInjected)) {
			t.Errorf("operation %d: error %v", at, err)
		}
		if _, _, missing := store.Get(t.Context(), probe.RecordName); err == nil && missing != nil {
			t.Errorf("operation %d: %v", at, missing)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("stopped")
	cancel(why)
	if err := rootOf(sinks.NewContentMemory()).Remembered(ctx); !errors.Is(err, why) {
		t.Errorf("cancelled: error %v", err)
	}
}
