package main

import (
	"strings"
	"testing"
)

func TestParseKey(t *testing.T) {
	const key = "sk-test-4f1c9b"
	for _, c := range []struct{ data, key, fault string }{
		{key, key, ""},
		{" \r\n" + key + "\t\n\n", key, ""},
		{"\uFEFF" + key + "\r\n", key, ""},
		{"", "", ""},
		{"\uFEFF\n", "", ""},
		{strings.Repeat("k", mostKey), strings.Repeat("k", mostKey), ""},
		{strings.Repeat("k", mostKey+1), "", "is longer than 4 KiB"},
		{strings.Repeat("\n", mostKey) + key, "", "is longer than 4 KiB"},
		{key + "\n" + key, "", "has several lines"},
		{key + "\r" + key, "", "has several lines"},
		{"\xff\xfes\x00k\x00-\x00", "", "is in UTF-16"},
		{"\xfe\xff\x00s\x00k\x00-", "", "is in UTF-16"},
		{"s\x00k\x00-\x00", "", "has null characters"},
	} {
		got, fault := parseKey([]byte(c.data))
		if got != c.key || !strings.HasPrefix(fault, c.fault) || (fault == "") != (c.fault == "") {
			t.Errorf("%.40q: key %.40q, fault %q, want %.40q, %q", c.data, got, fault, c.key, c.fault)
		}
	}
}
