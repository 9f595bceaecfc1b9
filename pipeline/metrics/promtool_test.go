//go:build promtool

package metrics_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"enrow-export/pipeline/metrics"
)

// promtool runs the program, and fails the test when it complains of anything.
func promtool(t *testing.T, stdin string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "promtool", args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// Prometheus' own tool is content with all that is written and served, with the rules and
// their tests, and with each expression of the dashboard.
func TestPromtool(t *testing.T) {
	path := filepath.Join(t.TempDir(), "enrow.prom")
	promtool(t, write(t, path, failedRun(), nil), "check", "metrics")
	promtool(t, write(t, path, failedRun(), someRoot()), "check", "metrics")
	promtool(t, own(scrape(t, metrics.NewService(build, live(false)))), "check", "metrics")
	promtool(t, busy(t), "check", "metrics")

	folder := filepath.Join(docs, "deploy/prometheus")
	promtool(t, "", "check", "rules", filepath.Join(folder, "rules.yml"))
	promtool(t, "", "test", "rules", filepath.Join(folder, "rules_test.yml"))

	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	text, err := os.ReadFile(filepath.Join(folder, "dashboard.json"))
	if err == nil {
		err = json.Unmarshal(text, &dashboard)
	}
	if err != nil {
		t.Fatal(err)
	}
	type rule struct {
		Record string `json:"record"`
		Expr   string `json:"expr"`
	}
	var rules []rule
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			expr := strings.ReplaceAll(target.Expr, "$__rate_interval", "5m")
			rules = append(rules, rule{"panel", expr})
		}
	}
	if len(rules) < 20 {
		t.Errorf("the dashboard has %d expressions", len(rules))
	}
	text, err = json.Marshal(map[string]any{"groups": []any{map[string]any{"name": "dashboard", "rules": rules}}}) // JSON is YAML
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "dashboard.yml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "", "check", "rules", file)
}
