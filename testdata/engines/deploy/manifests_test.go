// Package deploy proves that what docs/deploy and the Dockerfile describe is valid to the
// tools that it is for, and works under their conditions.
package deploy

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/api/run/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"
)

const (
	tree       = "../../.."
	docs       = tree + "/docs/deploy"
	actionlint = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"
)

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// The manifests have no field that the schemas of Kubernetes and Cloud Run do not
// know, and none of another type.
func TestManifestsFitTheirSchemas(t *testing.T) {
	for name, objects := range map[string][]any{
		"kubernetes-cronjob.yaml":     {new(batchv1.CronJob)},
		"kubernetes-deployment.yaml":  {new(appsv1.Deployment), new(corev1.Service), new(networkingv1.Ingress)},
		"kubernetes-indexed-job.yaml": {new(batchv1.Job)},
		"cloud-run-job.yaml":          {new(run.Job)},
	} {
		documents := bytes.Split(read(t, filepath.Join(docs, name)), []byte("\n---\n"))
		if len(documents) != len(objects) {
			t.Errorf("%s: %d documents, want %d", name, len(documents), len(objects))
			continue
		}
		for i, object := range objects {
			if err := yaml.UnmarshalStrict(documents[i], object); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// actionlint knows the workflows of GitHub Actions.
func TestWorkflowIsValid(t *testing.T) {
	page, err := filepath.Abs(filepath.Join(docs, "github-actions.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "run", actionlint, "-shellcheck=", "-pyflakes=", page).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// stub takes the place of a Python module: whatever is taken from it can be called, used
// as a decorator and entered, and the arguments of each call are kept.
const stub = `
import sys, types
calls = []
class Any:
    def __call__(self, *args, **kwargs):
        calls.append(kwargs)
        return args[0] if len(args) == 1 and callable(args[0]) else self
    def __getattr__(self, name): return self
    def __enter__(self): return self
    def __exit__(self, *_): return False
class Stub(types.ModuleType):
    def __getattr__(self, name): return Failure if name == "Failure" else Any()
class Failure(Exception): pass
for name in sys.argv[2:]:
    sys.modules[name] = Stub(name)
scope = {"__name__": "task"}
exec(compile(open(sys.argv[1]).read(), sys.argv[1], "exec"), scope)
`

// The tasks run the program, and know its exit codes: an ongoing batch is no
// failure, any other exit code is.
func TestTasksRunTheProgram(t *testing.T) {
	for _, test := range []struct {
		task    string
		modules []string
		run     string // how the scheduler runs the task
	}{
		{
			"airflow_enrow.py",
			[]string{"pendulum", "airflow", "airflow.sdk", "airflow.providers", "airflow.providers.standard", "airflow.providers.standard.operators", "airflow.providers.standard.operators.bash"},
			"import subprocess\ncommand = [c['bash_command'] for c in calls if 'bash_command' in c][0]\nsys.exit(subprocess.run(['bash', '-c', command]).returncode)",
		},
		{"dagster_enrow.py", []string{"dagster"}, "try: scope['enrow_batches']()\nexcept Failure as e: sys.exit(int(str(e).split()[-1]))"},
	} {
		for code, want := range map[string]int{"0": 0, "75": 0, "3": 3, "1": 1, "2": 2} {
			t.Run(test.task+"/"+code, func(t *testing.T) {
				// The program's stand-in notes how it was called. The flags are checked with the
				// program itself below.
				dir := t.TempDir()
				script := "#!/bin/sh\necho \"$@\" > " + dir + "/args\nexit " + code + "\n"
				if err := os.WriteFile(filepath.Join(dir, "enrow-export"), []byte(script), 0o700); err != nil {
					t.Fatal(err)
				}
				cmd := exec.Command("python3", append([]string{"-c", stub + test.run, filepath.Join(docs, test.task)}, test.modules...)...)
				cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
				out, _ := cmd.CombinedOutput()
				if got := cmd.ProcessState.ExitCode(); got != want {
					t.Fatalf("the task ends with %d, want %d\n%s", got, want, out)
				}
				args := string(read(t, filepath.Join(dir, "args")))
				understood(t, strings.Fields(args))
			})
		}
	}
}

// understood runs the program with the arguments of a page, and a destination with
// nothing to do.
func understood(t *testing.T, args []string) {
	t.Helper()
	to := filepath.Join(t.TempDir(), "out")
	for i, arg := range args {
		args[i] = strings.Replace(arg, "gs://BUCKET/enrow", to, 1)
	}
	for _, args := range [][]string{{"enqueue", "--to", to, "a"}, append(args, "--dry-run")} {
		if out, err := exec.Command(program(t), args...).CombinedOutput(); err != nil {
			t.Errorf("%q: %v\n%s", args, err, out)
		}
	}
}

// The step of the workflow calls the program as it can be called.
func TestWorkflowRunsTheProgram(t *testing.T) {
	var workflow struct {
		Jobs struct {
			Export struct {
				Steps []struct{ Name, Run string }
			}
		}
	}
	if err := yaml.Unmarshal(read(t, filepath.Join(docs, "github-actions.yaml")), &workflow); err != nil {
		t.Fatal(err)
	}
	steps := workflow.Jobs.Export.Steps
	call, _, ok := strings.Cut(steps[len(steps)-1].Run, " || exit $(($? == 75 ? 0 : $?))")
	if !ok || bytes.ContainsAny([]byte(call), "|;&") {
		t.Fatalf("the last step runs %q", steps[len(steps)-1].Run)
	}
	understood(t, strings.Fields(call)[1:])
}
