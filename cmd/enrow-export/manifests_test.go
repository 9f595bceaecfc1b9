package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"go.yaml.in/yaml/v3"

	"enrow-export/sources/fakeapi"
)

// container is what the manifests in docs say of the program.
type container struct {
	Args []string `yaml:"args"`
	Env  []struct {
		Name      string    `yaml:"name"`
		Value     string    `yaml:"value"`
		ValueFrom yaml.Node `yaml:"valueFrom"`
	} `yaml:"env"`
}

// containers returns those of a manifest, wherever they stand.
func containers(t *testing.T, node *yaml.Node) (found []container) {
	t.Helper()
	for i, child := range node.Content {
		if node.Kind == yaml.MappingNode && i%2 == 1 && node.Content[i-1].Value == "containers" {
			if err := child.Decode(&found); err != nil {
				t.Fatal(err)
			}
			continue
		}
		found = append(found, containers(t, child)...)
	}
	return found
}

// The manifests of jobs are well-formed, and the calls in them are such as the program
// understands, in the environment that they are made in.
func TestManifestsCallTheProgram(t *testing.T) {
	environments := map[string][]string{
		"cloud-run-job.yaml":          {"CLOUD_RUN_TASK_INDEX=3", "CLOUD_RUN_TASK_COUNT=4"},
		"kubernetes-cronjob.yaml":     nil,
		"kubernetes-indexed-job.yaml": {"JOB_COMPLETION_INDEX=3"},
	}
	pages, err := filepath.Glob("../../docs/deploy/[ck]*.yaml")
	pages = slices.DeleteFunc(pages, func(page string) bool { return filepath.Base(page) == "kubernetes-deployment.yaml" }) // below
	if err != nil || len(pages) != len(environments) {
		t.Fatalf("manifests %q, error %v", pages, err)
	}
	for _, page := range pages {
		t.Run(filepath.Base(page), func(t *testing.T) {
			text, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			decoder := yaml.NewDecoder(bytes.NewReader(text))
			var manifest, more yaml.Node
			if err := decoder.Decode(&manifest); err != nil {
				t.Fatal(err)
			}
			if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
				t.Errorf("there is more than one document: %v", err)
			}
			found := containers(t, &manifest)
			if len(found) != 1 {
				t.Fatalf("%d containers, want 1", len(found))
			}
			c, dir := found[0], t.TempDir()
			for _, pair := range environments[filepath.Base(page)] {
				name, value, _ := strings.Cut(pair, "=")
				t.Setenv(name, value)
			}
			secret := strings.Contains(strings.Join(c.Args, " "), "--api-key-file")
			for _, e := range c.Env {
				if e.Name == "ENROW_API_KEY" {
					secret = e.Value == "" && !e.ValueFrom.IsZero()
				} else {
					t.Setenv(e.Name, e.Value)
				}
			}
			if !secret {
				t.Error("the key comes from no store of secrets")
			}
			args := []string{programName}
			for _, arg := range c.Args {
				name, value, ok := strings.Cut(arg, "=")
				switch {
				case ok && name == "--to": // a bucket that is there, and that ids were recorded in
					arg = name + "=" + t.TempDir()
					if code := run(t.Context(), []string{programName, "enqueue", "--quiet", arg, "a"}, nil, io.Discard, io.Discard); code != exitOK {
						t.Fatalf("enqueue ends with %d", code)
					}
				case ok && name == "--report":
					arg = name + "=" + filepath.Join(dir, "report")
				case ok && name == "--ids-file":
					arg = name + "=" + writeFile(t, filepath.Join(dir, filepath.Base(value)), "a\nb\nd\n")
				}
				args = append(args, arg)
			}
			var stdout, stderr bytes.Buffer
			if code := run(t.Context(), append(args, "--dry-run"), nil, &stdout, &stderr); code != exitOK {
				t.Errorf("%q ends with %d\n%s%s", c.Args, code, &stdout, &stderr)
			}
		})
	}
}

// The service of the Deployment starts as it is called there, becomes ready for the probes that
// look at it, and stops within the time that it has.
func TestDeploymentServes(t *testing.T) {
	text, err := os.ReadFile("../../docs/deploy/kubernetes-deployment.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var manifest yaml.Node
	if err := yaml.Unmarshal(text, &manifest); err != nil { // the first document
		t.Fatal(err)
	}
	var deployment struct {
		Spec struct {
			Template struct {
				Spec struct {
					Grace      int `yaml:"terminationGracePeriodSeconds"`
					Containers []struct {
						Liveness  httpProbe `yaml:"livenessProbe"`
						Readiness httpProbe `yaml:"readinessProbe"`
					} `yaml:"containers"`
				} `yaml:"spec"`
			} `yaml:"template"`
		} `yaml:"spec"`
	}
	if err := manifest.Decode(&deployment); err != nil {
		t.Fatal(err)
	}
	pod := deployment.Spec.Template.Spec
	if pod.Grace <= 20+10 { // --grace, and the end of the command of --then
		t.Errorf("the pod has %d seconds to stop", pod.Grace)
	}
	dir := t.TempDir()
	own := map[string]string{
		"--to":               "out",
		"--listen":           "127.0.0.1:0",
		"--admin-listen":     "127.0.0.1:0",
		"--api-key-file":     writeFile(t, filepath.Join(dir, "key"), testKey),
		"--hook-secret-file": writeFile(t, filepath.Join(dir, "hook-secret"), hookSecret),
	}
	var args []string
	for _, arg := range containers(t, &manifest)[0].Args {
		name, _, _ := strings.Cut(arg, "=")
		if value, ok := own[name]; ok {
			delete(own, name)
			arg = name + "=" + value
		}
		args = append(args, arg)
	}
	if len(own) > 0 {
		t.Fatalf("%q: not given: %v", args, slices.Sorted(maps.Keys(own)))
	}
	api := fakeapi.New(fakeapi.Options{Keys: []string{testKey}})
	server := httptest.NewServer(api)
	defer func() { api.Close(); server.Close() }()
	s, ok := startService(t, prepared(t, dir, server.URL, args...))
	if !ok {
		t.Fatalf("%q ends:\n%s", args, s.log())
	}
	if status, body := s.get(t, pod.Containers[0].Liveness.HTTPGet.Path); status != http.StatusOK {
		t.Errorf("alive: status %d: %s", status, body)
	}
	if path := pod.Containers[0].Readiness.HTTPGet.Path; path != "/readyz" {
		t.Errorf("the readiness is at %s", path)
	}
	untilReady(t, s, http.StatusOK, "OK")
	if code := s.end(t, syscall.SIGTERM); code != exitOK {
		t.Errorf("exit code %d", code)
	}
}

// httpProbe is how Kubernetes looks at a container.
type httpProbe struct {
	HTTPGet struct {
		Path string `yaml:"path"`
	} `yaml:"httpGet"`
}

func writeFile(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The number of pods is given twice, and must be the same.
func TestIndexedJobKnowsItsSize(t *testing.T) {
	text, err := os.ReadFile("../../docs/deploy/kubernetes-indexed-job.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var job struct {
		Spec struct {
			CompletionMode string `yaml:"completionMode"`
			Completions    int    `yaml:"completions"`
		} `yaml:"spec"`
	}
	var manifest yaml.Node
	if err := yaml.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	if err := manifest.Decode(&job); err != nil {
		t.Fatal(err)
	}
	shards := ""
	for _, e := range containers(t, &manifest)[0].Env {
		if e.Name == "ENROW_EXPORT_SHARDS" {
			shards = e.Value
		}
	}
	if job.Spec.CompletionMode != "Indexed" || shards != fmt.Sprint(job.Spec.Completions) {
		t.Errorf("%d completions (%s), ENROW_EXPORT_SHARDS is %s", job.Spec.Completions, job.Spec.CompletionMode, shards)
	}
}

// The page of the exit codes knows every one.
func TestExitCodesPageIsComplete(t *testing.T) {
	page, err := os.ReadFile("../../docs/exit-codes.md")
	if err != nil {
		t.Fatal(err)
	}
	table, _, _ := strings.Cut(string(page), "\n## ")
	for _, e := range programExits {
		for code := range strings.SplitSeq(e.codes, ", ") {
			if !strings.Contains(table, "| "+code) && !strings.Contains(table, ", "+code+" |") {
				t.Errorf("exit code %s is not explained", code)
			}
		}
	}
}
