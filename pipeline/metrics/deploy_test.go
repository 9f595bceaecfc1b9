package metrics_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"enrow-export/pipeline/metrics"
)

const docs = "../../docs"

// families returns all metrics of a text.
func families(t *testing.T, text string) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	all, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil || len(all) == 0 {
		t.Fatalf("%d metrics, error %v", len(all), err)
	}
	return all
}

// busy returns what a service serves that has done everything once.
func busy(t *testing.T) string {
	t.Helper()
	s := metrics.NewService(build, live(true), "recorded")
	s.Ran(failedRun())
	s.Root(someRoot())
	s.Request("200", time.Second)
	s.Batch("email-find", "exported", time.Second, time.Second)
	s.Notice("recorded")
	s.ThenFailed()
	return scrape(t, s)
}

// The page has all metrics and no others, in the words of their help. A run with -update
// writes its table.
func TestPageHasAllMetrics(t *testing.T) {
	file := families(t, write(t, filepath.Join(t.TempDir(), "enrow.prom"), failedRun(), someRoot()))
	all := families(t, own(busy(t)))
	var rows []string
	for _, serviceOnly := range []bool{false, true} {
		for _, name := range slices.Sorted(maps.Keys(all)) {
			if _, inFile := file[name]; inFile == serviceOnly {
				continue
			}
			f, labels := all[name], ""
			for i, l := range f.Metric[0].Label {
				if i > 0 {
					labels += ", "
				}
				labels += "`" + l.GetName() + "`"
			}
			help := f.GetHelp()
			if serviceOnly {
				help = "Service only. " + help
			}
			rows = append(rows, fmt.Sprintf("| `%s` | %s | %s | %s |\n", name, strings.ToLower(f.GetType().String()), labels, help))
		}
	}
	page := filepath.Join(docs, "monitoring.md")
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	const head = "| metric | type | labels | meaning |\n|---|---|---|---|\n"
	before, rest, found := strings.Cut(string(text), head)
	if !found {
		t.Fatalf("%s has no table of metrics", page)
	}
	table, after, _ := strings.Cut(rest, "\n\n")
	if strings.HasPrefix(rest, "\n") {
		table, after = "", rest[1:]
	}
	want := strings.TrimSuffix(strings.Join(rows, ""), "\n")
	if *update {
		if err := os.WriteFile(page, []byte(before+head+want+"\n\n"+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, table); diff != "" {
		t.Errorf("the table of %s (-want +got):\n%s", page, diff)
	}
}

// Alerts and dashboard ask for metrics and labels that exist, and the dashboard for all metrics.
func TestRulesAndDashboardAskForWhatExists(t *testing.T) {
	all := families(t, own(busy(t)))
	names := make(map[string]*dto.MetricFamily)
	for name, f := range all {
		if names[name] = f; f.GetType() == dto.MetricType_HISTOGRAM {
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				names[name+suffix] = f
			}
		}
	}
	asked := regexp.MustCompile(`(enrow_export_[a-z_]+)(?:\\?\{([^}]*)\})?`)
	label := regexp.MustCompile(`([a-z_]+)=`)
	for _, file := range []string{"rules.yml", "rules_test.yml", "dashboard.json", "../../monitoring.md"} {
		text, err := os.ReadFile(filepath.Join(docs, "deploy/prometheus", file))
		if err != nil {
			t.Fatal(err)
		}
		seen := make(map[*dto.MetricFamily]bool)
		for _, match := range asked.FindAllStringSubmatch(string(text), -1) {
			f := names[match[1]]
			if f == nil {
				t.Errorf("%s asks for %s, which does not exist", file, match[1])
				continue
			}
			seen[f] = true
			for _, l := range label.FindAllStringSubmatch(match[2], -1) {
				has := func(p *dto.LabelPair) bool { return p.GetName() == l[1] }
				if l[1] != "instance" && !slices.ContainsFunc(f.Metric[0].Label, has) {
					t.Errorf("%s asks for the label %s of %s, which does not exist", file, l[1], match[1])
				}
			}
		}
		if len(seen) < 3 {
			t.Errorf("%s asks for %d metrics", file, len(seen))
		}
		for name, f := range all {
			if file == "dashboard.json" && !seen[f] && name != "enrow_export_last_run_timestamp_seconds" {
				t.Errorf("the dashboard does not show %s", name)
			}
		}
	}
}
