package sinks_test

import (
	"fmt"
	"io"
	"testing"

	"enrow-export/schema"
	"enrow-export/sinks"
)

// searches returns n rows as a bulk search has them, a third without a result.
func searches(n int) []row {
	first := []string{"Ada", "Grace", "Edsger", "Barbara", "Łukasz", "Zoë", "Jean-Luc"}
	last := []string{"Lovelace", "Hopper", "Dijkstra", "Liskov", "Nowak", "O'Brien", "Müller", "Núñez", "Li"}
	rows := make([]row, n)
	for i := range rows {
		f, l := first[i%len(first)], last[i*7%len(last)]
		domain := fmt.Sprintf("company%d.example", i*31%997)
		company := fmt.Sprintf("Company %d, Inc.", i*31%997)
		r := row{
			batchID, "campaign_q2", int64(i), "valid", fmt.Sprintf("contact%d@%s", i, domain),
			domain, f + " " + l, f, l, []string{"female", "male"}[i%2], domain, company,
			f + " " + l, domain, company, fmt.Sprintf(`{"crm_id":"%08x","row":%d}`, i*2654435761%(1<<32), i), nil,
		}
		if i%3 == 2 {
			r[3] = "invalid"
			clear(r[4:12])
		}
		rows[i] = r
	}
	return rows
}

func BenchmarkEncode(b *testing.B) {
	const rows = 5000
	rec := newRecord(b, &schema.EmailFind, searches(rows)...)
	for _, f := range sinks.Formats() {
		b.Run(f.Name, func(b *testing.B) {
			e := newEncoding(b, f.Name, "")
			b.ReportAllocs()
			for b.Loop() {
				if err := e.Encode(io.Discard, &schema.EmailFind, rec); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
