package page_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/overview"
	"enrow-export/pipeline/page"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/pipeline/runs"
	"enrow-export/schema"
)

func TestMain(m *testing.M) { pipelinetest.Main(m) }

var now = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// exported returns a batch that was exported at that time.
func exported(table *schema.Table, id string, at time.Time, rows, found, bytes int64, spent, refunded float64) manifest.Known {
	return known(table, id, manifest.StateExported, at, func(e *manifest.Entry) {
		e.Rows, e.FirstExportedAt = &rows, &at
		e.Files = map[string]manifest.File{"parquet": {Rows: rows, Bytes: bytes}}
		e.Totals = &manifest.Totals{Found: &found, Spent: spent, Refunded: refunded}
	})
}

// failed returns a batch that failed at that time.
func failed(table *schema.Table, id string, at time.Time, permanent bool, why string) manifest.Known {
	return known(table, id, manifest.StateFailed, at, func(e *manifest.Entry) {
		e.Permanent, e.Error, e.Attempts = &permanent, why, 3
	})
}

func known(table *schema.Table, id string, state manifest.State, at time.Time, change func(*manifest.Entry)) manifest.Known {
	e := &manifest.Entry{BatchID: id, Kind: table.Kind, State: state, UpdatedAt: at, Attempts: 1}
	if change != nil {
		change(e)
	}
	return manifest.Known{Table: table, BatchID: id, Entry: e}
}

func overviewOf(batches ...manifest.Known) *overview.Overview {
	b := overview.NewBuilder(now)
	for _, k := range batches {
		b.Add(k)
	}
	return b.Overview()
}

// run returns one that began at that time.
func run(at time.Time, took time.Duration, code, asked, exported, failed, ongoing int, rows int64) runs.Line {
	return runs.Line{
		Type: runs.TypeLine, StartedAt: at, FinishedAt: at.Add(took), To: "gs://acme-exports/enrow", ExitCode: code,
		Summary: runs.Summary{
			Kind: runs.AllKinds, Asked: asked, Exported: exported, Failed: failed, Ongoing: ongoing, Rows: rows, Found: rows * 2 / 3,
			ElapsedMS: took.Milliseconds(), RowsPerSecond: float64(rows) / took.Seconds(), Requests: map[string]int64{"200": int64(asked) + 1, "429": int64(failed)}, Retries: int64(failed),
			CreditsSpent: float64(rows) / 4, Bytes: map[string]int64{"parquet": rows * 90},
		},
	}
}

// typical is a root after some weeks, with failures, shown by a service. Its texts are the
// kind that breaks pages.
func typical() page.Data {
	random := rand.New(rand.NewPCG(3, 4))
	d := page.Data{
		Title: "Enrow exports", To: "gs://acme-exports/enrow", Now: now, Version: "1.0.0",
		Service: &page.Service{Since: now.Add(-26 * day), Ready: true, NextRun: now.Add(4 * time.Minute), Announced: 1234},
	}
	var batches []manifest.Known
	for n := range 130 {
		at := now.Add(-time.Duration(n) * 7 * time.Hour)
		if at.Weekday() == time.Sunday || at.Weekday() == time.Saturday {
			continue
		}
		table, rows := schema.Tables()[n%5%3], int64(200+random.IntN(3000))
		batches = append(batches, exported(table, fmt.Sprintf("batch-%03d", n), at, rows, rows*int64(50+random.IntN(25))/100, rows*int64(60+random.IntN(900)), float64(rows)/2, float64(rows)/40))
	}
	find, phone := &schema.EmailFind, &schema.PhoneFind
	batches = append(batches,
		known(find, "3d4cb64e-i64d-41e8-a686-736751004a32", manifest.StateOngoing, now.Add(-8*time.Minute), nil),
		known(phone, "0b9f3a52-77aa-4c1d-9d2e-5b8e0c6f1a01", manifest.StatePending, now.Add(-95*time.Minute), nil),
		failed(find, "f4d1", now.Add(-3*time.Hour), false, "fetch batch: 502 Bad Gateway, a page that is no JSON"),
		failed(phone, "gone", now.Add(-5*day), true, "fetch batch: Enrow does not know it (404)"),
		failed(find, "odd", now.Add(-6*day), true, "<script>alert(1)</script> \x1b[31m\u202e & \"quoted\""),
		failed(find, "dismissed", now.Add(-7*day), true, "old"),
		manifest.Known{Table: find, BatchID: "broken", Err: fmt.Errorf("parse entry: unexpected end")},
	)
	batches[len(batches)-2].Entry.Dismissed = true
	d.Overview = overviewOf(batches...)
	for n := range 24 {
		r := run(now.Add(-time.Duration(24*15-15*n)*time.Minute), time.Duration(1500+random.IntN(6000))*time.Millisecond, []int{0, 75, 0, 3}[n%4], 4, 2, 0, 1, int64(random.IntN(6000)))
		if r.ExitCode == 3 {
			r.Failed, r.Failures = 1, []runs.Failure{{BatchID: "f4d1", Kind: find.Kind, Error: "fetch batch: 502", Hint: "wait: Enrow has a fault"}}
		}
		d.Runs = append(d.Runs, r)
	}
	d.Runs[9].ExitCode, d.Runs[9].Error, d.Runs[9].Hint = 1, "the API key is refused", "make a new key, and put it into /etc/enrow.key"
	d.Runs[20].To, d.Runs[21].ExitCode, d.Runs[21].Shard = "elsewhere", 143, "1/2"
	d.Runs[5].UnknownFields = []runs.UnknownField{{Path: "info.seniority", Reason: schema.Unknown, Count: 1200}, {Path: "index", Reason: schema.Misfit, Count: 2}}
	d.Runs[6].UnknownFields = []runs.UnknownField{{Path: "info.seniority", Reason: schema.Unknown, Count: 34}}
	return d
}

// crowd is a root of a hundred thousand batches, of which some hundred failed, and two
// hundred runs. All texts are as long as they get.
func crowd() page.Data {
	random := rand.New(rand.NewPCG(1, 2))
	id := func() string {
		return fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", random.Uint32(), random.Uint32()>>16, random.Uint32()>>20, random.Uint32()>>20, random.Uint64()>>16)
	}
	tables := schema.Tables()
	b := overview.NewBuilder(now)
	d := page.Data{Title: "Enrow exports", To: "gs://acme-exports/enrow", Now: now, Version: "1.0.0"}
	why := func(n int) string {
		return fmt.Sprintf("fetch batch: Enrow answered 50%d with a page that is no JSON: %s", n%4, strings.Repeat("the upstream server has sent a header that is too long. ", 8))
	}
	var last []runs.Failure
	for n := range 100_000 {
		table := tables[min(n%7/3, len(tables)-1)]
		age := time.Duration(random.Int64N(int64(120 * day)))
		when := now.Add(-age)
		if when.Weekday() == time.Sunday || when.Month() == time.January && when.Day() < 7 {
			when = when.Add(-4 * 7 * day) // nobody works
			if when.Weekday() == time.Sunday {
				when = when.Add(day)
			}
		}
		switch {
		case n%997 == 0:
			f := failed(table, id(), now.Add(-time.Duration(n)*time.Second), n%2 == 0, why(n))
			b.Add(f)
			if len(last) < runs.MostFailures {
				last = append(last, runs.Failure{BatchID: f.BatchID, Kind: table.Kind, Error: f.Entry.Error, Hint: "look at Enrow whether the batch is there, " + strings.Repeat("and ask their support with its id, ", 12), Permanent: n%2 == 0})
			}
		case n%1499 == 0:
			b.Add(known(table, id(), manifest.StateOngoing, now.Add(-time.Duration(n)*time.Second), nil))
		case n%1301 == 0:
			b.Add(known(table, id(), manifest.StatePending, now.Add(-time.Duration(n)*time.Second), nil))
		case n%4999 == 0:
			f := failed(table, id(), when, true, "fetch batch: Enrow says that it failed")
			f.Entry.Dismissed = true
			b.Add(f)
		default:
			rows := int64(random.ExpFloat64() * 800)
			b.Add(exported(table, id(), when, rows, int64(float64(rows)*(0.55+0.2*random.Float64())), rows*95, float64(rows)*0.6, float64(rows)*0.05))
		}
	}
	d.Overview = b.Overview()
	for n := range 200 {
		at := now.Add(-time.Duration(200-n) * 15 * time.Minute)
		r := run(at, time.Duration(20+random.IntN(70))*time.Second, []int{0, 0, 75, 0, 75, 0, 3}[n%7], 60, 40, 0, 20, int64(20_000+random.IntN(20_000)))
		if r.ExitCode == 3 {
			r.Failed, r.Failures = len(last), last
		}
		if n%61 == 60 {
			r.ExitCode, r.Error, r.Hint = 1, why(n), "wait until Enrow is back"
		}
		for path := range 80 {
			r.UnknownFields = append(r.UnknownFields, runs.UnknownField{Path: fmt.Sprintf("info.companyInfo.%s_%d", strings.Repeat("deeply.nested.", 12), path), Reason: schema.Unknown, Count: int64(1000 - path)})
		}
		d.Runs = append(d.Runs, r)
	}
	return d
}
