package sources

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"enrow-export/pipeline"
	"enrow-export/pipeline/export"
	"enrow-export/schema"
	"enrow-export/sinks"
	"enrow-export/sources/fakeapi"
)

// endpointsOut is an API of which the endpoints of some kinds answer 502 alone. The
// others have an answer for each batch.
type endpointsOut struct {
	out      []*schema.Table
	requests atomic.Int64
}

func (a *endpointsOut) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.requests.Add(1)
	if slices.ContainsFunc(a.out, func(t *schema.Table) bool { return t.Endpoint == r.URL.Path }) {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	fmt.Fprintf(w, `{"general":{"id":%q,"status":"completed"},"stats":{},"results":[]}`, r.URL.Query().Get("id"))
}

// The endpoint of one kind may be out of order alone: that ends its own batches, however
// often others are answered between.
func TestFetchOneEndpointIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := overPipes(t, &endpointsOut{out: []*schema.Table{&schema.PhoneFind}}, Config{Retries: 5})
		for n := 1; n <= failedAfter+1; n++ {
			if _, err := c.Fetch(t.Context(), &schema.EmailFind, "other", nil); err != nil {
				t.Errorf("a batch of another kind: %v", err)
			}
			_, err := c.Fetch(t.Context(), &schema.PhoneFind, fakeapi.Sample().ID, nil)
			e, gone := asError(t, err), n >= failedAfter
			if (e.Class == pipeline.Fatal) != gone || gone != (e.Kind == schema.PhoneFind.Kind) {
				t.Errorf("batch %d: error of class %d, kind %q, %v", n, e.Class, e.Kind, e)
			}
		}
	})
}

// Several kinds are done as far as they can be, and an API that is gone for all of them
// ends the run nearly as fast as for one.
func TestKindsWhoseEndpointsAreOut(t *testing.T) {
	const each = 40
	cases := map[string]struct {
		out []*schema.Table
	}{
		"the first one": {[]*schema.Table{&schema.EmailFind}},
		"the last one":  {[]*schema.Table{&schema.PhoneFind}},
		"two":           {[]*schema.Table{&schema.EmailFind, &schema.PhoneFind}},
		"all":           {schema.Tables()},
	}
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := &endpointsOut{out: tt.out}
				c := overPipes(t, api, Config{Retries: 5, BackoffBase: defaultBackoffBase, BackoffMax: defaultBackoffMax})
				var works []export.Work
				for _, table := range schema.Tables() {
					work := export.Work{Table: table}
					for n := range each {
						work.IDs = append(work.IDs, fmt.Sprintf("b%d", n))
					}
					works = append(works, work)
				}
				works = append(works, export.Work{Table: tt.out[0], IDs: []string{"failed-before"}})
				elapsed := stopwatch()
				s, err := export.RunAll(t.Context(), exportConfig(t, &schema.EmailFind, c, sinks.NewMemory()), works, nil)
				var fatal *pipeline.Error
				if !errors.As(err, &fatal) || fatal.Class != pipeline.Fatal || fatal.Kind != tt.out[0].Kind {
					t.Errorf("error %v", err)
				}
				exported := each * (len(schema.Tables()) - len(tt.out))
				tries := int64(len(tt.out) * (failedAfter + export.DefaultConcurrency) * 6)
				if s.Exported != exported || s.Failed > failedAfter*len(tt.out) || api.requests.Load() > int64(exported)+tries {
					t.Errorf("summary %+v, %d requests", s, api.requests.Load())
				}
				if took := elapsed(); took > time.Minute {
					t.Errorf("took %s", took)
				}
			})
		})
	}
}
