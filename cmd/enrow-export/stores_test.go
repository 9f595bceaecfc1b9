package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The policies of docs/stores.md are JSON, and allow together what its table says that
// commands need: the first of each service what a writer needs, the second what a reader
// needs.
func TestPoliciesAllowWhatCommandsNeed(t *testing.T) {
	text, err := os.ReadFile("../../docs/stores.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n## Permissions of each command\n")
	table, policies, _ := strings.Cut(rest, "\n### ")
	permission := regexp.MustCompile("`((?:s3|kms):[A-Z][A-Za-z]+|storage\\.objects\\.[a-z]+)`")
	named := make(map[string][]string) // permissions by service, in the order of the table: first what a reader needs
	for _, found := range permission.FindAllStringSubmatch(table, -1) {
		service, _, _ := strings.Cut(found[1], ":")
		service, _, _ = strings.Cut(service, ".")
		if !slices.Contains(named[service], found[1]) {
			named[service] = append(named[service], found[1])
		}
	}
	allowed := make(map[string][][]string) // by service, of each policy
	for _, block := range regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(policies, -1) {
		var policy any
		if err := json.Unmarshal([]byte(block[1]), &policy); err != nil {
			t.Errorf("%v in\n%s", err, block[1])
			continue
		}
		allows := permissionsOf(policy)
		if len(allows) == 0 {
			t.Errorf("nothing is allowed by\n%s", block[1])
			continue
		}
		service := regexp.MustCompile(`^[a-z0-9]+`).FindString(allows[0])
		allowed[service] = append(allowed[service], allows)
	}
	want := make(map[string][][]string)
	for service, readers := range map[string]int{"s3": 2, "storage": 2, "kms": 0} {
		all := named[service]
		if len(all) < 2 {
			t.Fatalf("the table names %q of %s", all, service)
		}
		want[service] = [][]string{all}
		if readers > 0 {
			want[service] = append(want[service], all[:readers])
		}
	}
	for _, all := range []map[string][][]string{want, allowed} {
		for _, policies := range all {
			for i := range policies {
				policies[i] = slices.Sorted(slices.Values(policies[i]))
			}
		}
	}
	if diff := cmp.Diff(want, allowed); diff != "" {
		t.Errorf("permissions (-table +policies):\n%s", diff)
	}
}

// permissionsOf returns the actions of a policy for S3, or the permissions of a role for
// Google Cloud.
func permissionsOf(policy any) (all []string) {
	switch p := policy.(type) {
	case []any:
		for _, v := range p {
			all = append(all, permissionsOf(v)...)
		}
	case map[string]any:
		for key, v := range p {
			list, isList := v.([]any)
			switch {
			case key != "Action" && key != "includedPermissions":
				all = append(all, permissionsOf(v)...)
			case isList:
				for _, name := range list {
					all = append(all, fmt.Sprint(name))
				}
			default:
				all = append(all, fmt.Sprint(v))
			}
		}
	}
	return all
}
