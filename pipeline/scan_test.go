package pipeline

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// scanPlainly is scanNesting a byte at a time.
func scanPlainly(body []byte) nesting {
	var n nesting
	if body = bytes.TrimLeft(body, " \t\r\n"); len(body) == 0 {
		return n
	}
	if body[0] != '{' && body[0] != '[' {
		n.closed = true
		return n
	}
	depth := 0
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '"':
			for i++; i < len(body) && body[i] != '"'; i++ {
				if body[i] == '\\' {
					i++
				}
			}
			if i >= len(body) {
				return n // inside a string
			}
		case '{', '[':
			depth++
			n.depth = max(n.depth, depth)
		case '}', ']':
			depth--
		}
	}
	n.closed = depth <= 0
	return n
}

func TestScanNesting(t *testing.T) {
	long := strings.Repeat("x", 200)
	for body, want := range map[string]nesting{
		"":                                  {},
		" ":                                 {},
		"<html>{":                           {closed: true},
		"{}":                                {1, true},
		"[[{}]]":                            {3, true},
		`{"a":[{},{"b":[1]}],"c":[[[[]]]]}`: {5, true},
		`{"a":"[[[["}`:                      {1, true},
		`{"a":"` + long + `[[[["}`:          {1, true},
		`{"a":"` + long:                     {depth: 1},
		`{"a":"\\`:                          {depth: 1},
		`{\"}"}`:                            {1, true}, // a backslash escapes within strings alone
		`{}]]}[[`:                           {1, true},
		strings.Repeat("[", 5000) + strings.Repeat("]", 5000): {5000, true},
		strings.Repeat(`{"[":`, 999) + `{`:                    {depth: 1000},
	} {
		if got := scanNesting([]byte(body)); got != want {
			t.Errorf("%.40q: %+v, want %+v", body, got, want)
		}
	}
}

// Whatever the bytes, and wherever they are cut and stand in a block, the fast
// scan sees what the plain one does.
func TestScanNestingAtRandom(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, alphabet := range []string{`{}[]"\ a`, `{}[]":,abcdefgh`, `{["`, "{}[]\"\\\x00\xff\x7b\x5b\xfb\xdb\xa2\xdc"} {
		for range 20_000 {
			body := make([]byte, 1+random.IntN(300))
			for i := range body {
				body[i] = alphabet[random.IntN(len(alphabet))]
			}
			body[0] = '{'
			sameScan(t, body)
		}
	}
}

func sameScan(t *testing.T, body []byte) {
	t.Helper()
	if got, want := scanNesting(body), scanPlainly(body); got != want {
		t.Fatalf("%q: %+v, want %+v", body, got, want)
	}
}

func FuzzScanNesting(f *testing.F) {
	f.Add([]byte(`{"a":"}\"{\\","b":[{"c":"\\"}],"d":{}}`))
	f.Add([]byte(strings.Repeat(`{"a\"":[`, 30)))
	f.Fuzz(func(t *testing.T, body []byte) {
		sameScan(t, body)
		sameScan(t, append([]byte("["), body...))
	})
}

func BenchmarkComplete(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	text := func() string { return strings.Repeat("x", 3+random.IntN(20)) } // no two rows are cut alike
	body := []byte(`{"general":{"id":"b"},"results":[`)
	for range 5000 {
		body = fmt.Appendf(body, `{"index":"17","qualification":"valid","email":"%s@%s.com","info":{"domain":"%[2]s","companyInfo":{"name":"%s"}},"raw_params":{"fullname":"%s"},"custom":"%s"},`,
			text(), text(), text(), text(), text())
	}
	body = append(body, "{}]}"...)
	for name, scan := range map[string]func([]byte) nesting{"words": scanNesting, "bytes": scanPlainly} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				if !scan(body).closed {
					b.Fatal("taken for a cut answer")
				}
			}
		})
	}
}
