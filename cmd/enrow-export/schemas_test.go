package main

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/runs"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// object is what a JSON Schema says of an object.
type object struct {
	Properties map[string]struct {
		Const       any    `json:"const"`
		Description string `json:"description"`
	} `json:"properties"`
	Required   []string `json:"required"`
	Additional any      `json:"additionalProperties"`
}

// ref is a schema that stands elsewhere.
type ref struct {
	Ref string `json:"$ref"`
}

// The schemas in docs have the fields that the program writes, tell which of
// them are always there, and explain each.
func TestSchemasMatchTypes(t *testing.T) {
	var output struct {
		OneOf []ref             `json:"oneOf"`
		Defs  map[string]object `json:"$defs"`
	}
	readJSON(t, "../../docs/output.schema.json", &output)
	lines := map[string]reflect.Type{
		"batch": reflect.TypeFor[batchLine](), "summary": reflect.TypeFor[runs.Summary](), "report": reflect.TypeFor[runs.Line](),
		"plan": reflect.TypeFor[planLine](), "plan_summary": reflect.TypeFor[planSummaryLine](),
		"status": reflect.TypeFor[statusLine](), "status_summary": reflect.TypeFor[statusSummaryLine](),
		"check": reflect.TypeFor[checkLine](), "check_summary": reflect.TypeFor[checkSummaryLine](), "faulty_pack": reflect.TypeFor[faultyPackLine](),
		"doctor": reflect.TypeFor[doctorLine](), "doctor_summary": reflect.TypeFor[doctorSummaryLine](),
		"unnamed": reflect.TypeFor[pruneLine](), "prune_summary": reflect.TypeFor[pruneSummaryLine](),
		"file": reflect.TypeFor[fileLine](), "packed": reflect.TypeFor[packedLine](), "not_packed": reflect.TypeFor[notPackedLine](), "compact_summary": reflect.TypeFor[compactSummaryLine](),
		"enqueued": reflect.TypeFor[recordedLine](), "enqueue_summary": reflect.TypeFor[enqueueSummaryLine](),
		"adopt": reflect.TypeFor[adoptLine](), "adopt_summary": reflect.TypeFor[adoptSummaryLine](),
		"dismissed": reflect.TypeFor[recordedLine](), "dismiss_summary": reflect.TypeFor[dismissSummaryLine](),
		"table": reflect.TypeFor[tableLine](), "version": reflect.TypeFor[versionLine](),
	}
	for name, typ := range lines {
		compareFields(t, name, output.Defs[name], typ)
		if got := output.Defs[name].Properties["type"].Const; got != name {
			t.Errorf("%s: its type is %v", name, got)
		}
		if !slices.Contains(output.OneOf, ref{"#/$defs/" + name}) {
			t.Errorf("%s is not among the lines", name)
		}
	}
	if len(output.OneOf) != len(lines) {
		t.Errorf("%d kinds of lines in the schema, %d here", len(output.OneOf), len(lines))
	}

	var entry struct {
		object
		Defs struct {
			File object `json:"file"`
		} `json:"$defs"`
	}
	readJSON(t, "../../docs/manifest.schema.json", &entry)
	compareFields(t, "manifest entry", entry.object, reflect.TypeFor[manifest.Entry]())
	compareFields(t, "file", entry.Defs.File, reflect.TypeFor[manifest.File]())
}

// The manifest's schema knows every kind, and no other.
func TestSchemaKnowsEveryKind(t *testing.T) {
	var manifest struct {
		Properties struct {
			Kind struct {
				Enum []string `json:"enum"`
			} `json:"kind"`
		} `json:"properties"`
	}
	readJSON(t, "../../docs/manifest.schema.json", &manifest)
	if diff := cmp.Diff(kinds(), manifest.Properties.Kind.Enum); diff != "" {
		t.Errorf("kinds (-code +schema):\n%s", diff)
	}
}

func compareFields(t *testing.T, name string, o object, typ reflect.Type) {
	t.Helper()
	var all, required []string
	for _, f := range reflect.VisibleFields(typ) {
		if f.Anonymous {
			continue
		}
		field, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if field == "-" {
			continue
		}
		all = append(all, field)
		if options != "omitempty" {
			required = append(required, field)
		}
	}
	var described []string
	for field, p := range o.Properties {
		described = append(described, field)
		if p.Description == "" && p.Const == nil { // a constant explains itself
			t.Errorf("%s: %s is not described", name, field)
		}
	}
	for _, names := range [][]string{all, required, described, o.Required} {
		slices.Sort(names)
	}
	if diff := cmp.Diff(all, described); diff != "" {
		t.Errorf("%s: fields (-code +schema):\n%s", name, diff)
	}
	if diff := cmp.Diff(required, o.Required); diff != "" {
		t.Errorf("%s: fields that are always there (-code +schema):\n%s", name, diff)
	}
	if o.Additional != false {
		t.Errorf("%s: the schema allows other fields", name)
	}
}

func readJSON(t *testing.T, path string, v any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// The schemas refuse what the program never writes.
func TestSchemasAreStrict(t *testing.T) {
	const valid = `{"manifest_version":1,"batch_id":"a","kind":"email-find","state":"pending","updated_at":"2026-01-02T03:04:05Z","attempts":1,"tool_version":"1"}`
	tests := []struct {
		schema, doc string
		ok          bool
	}{
		{"manifest", valid, true},
		{"manifest", strings.Replace(valid, `:1,`, `:2,`, 1), false},
		{"manifest", strings.Replace(valid, `"a"`, `"../a"`, 1), false},
		{"manifest", strings.Replace(valid, `"pending"`, `"exported"`, 1), false},
		{"manifest", strings.Replace(valid, `"pending"`, `"failed"`, 1), false},
		{"manifest", strings.Replace(valid, `"pending"`, `"failed","permanent":true,"error":"x"`, 1), true},
		{"manifest", strings.Replace(valid, `"pending"`, `"pending","permanent":true`, 1), false},
		{"manifest", strings.Replace(valid, `"pending"`, `"failed","permanent":true,"dismissed":true,"error":"x"`, 1), true},
		{"manifest", strings.Replace(valid, `"pending"`, `"failed","permanent":false,"dismissed":true,"error":"x"`, 1), false},
		{"manifest", strings.Replace(valid, `"pending"`, `"pending","dismissed":true`, 1), false},
		{"manifest", strings.Replace(valid, `"pending"`, `"failed","permanent":false,"refusals":{"runs":1,"first_at":"2026-01-02T03:04:05Z"},"error":"x"`, 1), true},
		{"manifest", strings.Replace(valid, `"pending"`, `"failed","permanent":false,"refusals":{"runs":0,"first_at":"2026-01-02T03:04:05Z"},"error":"x"`, 1), false},
		{"manifest", strings.Replace(valid, `"pending"`, `"pending","refusals":{"runs":1,"first_at":"2026-01-02T03:04:05Z"}`, 1), false},
		{"manifest", strings.Replace(valid, `"pending"`, `"ongoing","permanent":false`, 1), false},
		{"manifest", strings.Replace(valid, `05Z`, `05+01:00`, 1), false},
		{"manifest", strings.Replace(valid, `"a"`, `"a","more":1`, 1), false},
		{"output", `{"type":"plan","batch_id":"a","kind":"email-find","export":true}`, true},
		{"output", `{"type":"plan","batch_id":"a","kind":"email-find","export":true,"more":1}`, false},
		{"output", `{"type":"plan","batch_id":"a"}`, false},
		{"output", `{"type":"other","batch_id":"a","export":true}`, false},
		{"output", `{"batch_id":"a","export":true}`, false},
		{"output", `{"type":"batch","batch_id":"a","kind":"email-find","outcome":"exported","elapsed_ms":1}`, false},
		{"output", `{"type":"batch","batch_id":"a","kind":"email-find","outcome":"failed","elapsed_ms":1}`, false},
		{"output", `{"type":"batch","batch_id":"a","kind":"email-find","outcome":"failed","error":"x","permanent":false,"elapsed_ms":1}`, true},
		{"output", `{"type":"check","batch_id":"a","ok":false,"files":0}`, false},
		{"output", `{"type":"doctor","check":"race","flag":"to","root":"out","status":"not checked","found":"x"}`, true},
		{"output", `{"type":"doctor","check":"race","flag":"to","status":"ok","found":"x"}`, false},
		{"output", `{"type":"doctor","check":"luck","status":"ok","found":"x"}`, false},
		{"output", `{"type":"doctor","check":"api-key","status":"fine","found":"x"}`, false},
		{"output", `{"type":"status_summary","states":{"lost":1},"rows":0}`, false},
	}
	for _, test := range tests {
		schema, err := jsonschema.NewCompiler().Compile("../../docs/" + test.schema + ".schema.json")
		if err != nil {
			t.Fatal(err)
		}
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(test.doc))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(v); (err == nil) != test.ok {
			t.Errorf("%s: valid is %t, want %t: %v", test.doc, err == nil, test.ok, err)
		}
	}
}
