package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/dustin/go-humanize"
	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline"
)

func TestEncodings(t *testing.T) {
	tests := []struct{ formats, compressions, want string }{
		{"parquet", "", "parquet=zstd"},
		{"csv ndjson,parquet", "", "parquet=zstd ndjson=none csv=none"},
		{" csv , csv", "", "csv=none"},
		{"parquet,csv", "gzip", "parquet=gzip csv=gzip"},
		{"parquet,csv", "csv=gzip", "parquet=zstd csv=gzip"},
		{"parquet,csv", "none csv=zstd", "parquet=none csv=zstd"},
		{"parquet,csv", "gzip,parquet=snappy,gzip", "parquet=snappy csv=gzip"},
	}
	for _, test := range tests {
		encs, err := parseEncodings(strings.Split(test.formats, " "), strings.Fields(test.compressions))
		var got []string
		for _, enc := range encs {
			got = append(got, enc.Format.Name+"="+enc.Compression)
		}
		if strings.Join(got, " ") != test.want || err != nil {
			t.Errorf("formats %q, compressions %q: %q, error %v, want %s", test.formats, test.compressions, got, err, test.want)
		}
	}
	refused := []struct{ formats, compressions, want string }{
		{"", "", "--format: no format given"},
		{"orc", "", "--format: unknown format"},
		{"CSV", "", "--format: unknown format"},
		{"csv", "snappy", "--compression: unknown compression"},
		{"csv,parquet", "snappy", "--compression: unknown compression"},
		{"csv", "parquet=zstd", "--compression: parquet is not among the formats asked for"},
		{"csv", "orc=zstd", `--compression: unknown format "orc"`},
		{"csv", "gzip none", "--compression: both gzip and none for all formats"},
		{"csv", "csv=gzip,csv=none", "--compression: both gzip and none for csv"},
	}
	for _, test := range refused {
		encs, err := parseEncodings(strings.Fields(test.formats), strings.Fields(test.compressions))
		if err == nil || !strings.HasPrefix(err.Error(), test.want) || exitCode(err) != exitUsage {
			t.Errorf("formats %q, compressions %q: %v, error %v, want %s", test.formats, test.compressions, encs, err, test.want)
		}
	}
}

func TestSizes(t *testing.T) {
	f := sizeFlag("max-body", "64MiB", "")
	for _, value := range []string{"1B", "1024", "64MiB", "64 MiB", "1GiB", "10MB", "1k", "0.5KiB"} {
		if got, err := f.parse("--max-body", value); err != nil || got != value {
			t.Errorf("%q: %q, error %v", value, got, err)
		}
	}
	for _, value := range []string{"", "0", "-1", "0.1", "much", "1XB", "1073741825", "64", "1023", "2GiB", "99999999999999999999EB"} {
		if _, err := f.parse("--max-body", value); exitCode(err) != exitUsage {
			t.Errorf("%q: error %v", value, err)
		}
	}
	if n, err := humanize.ParseBytes(f.defaults); err != nil || n != pipeline.DefaultMaxBody {
		t.Errorf("default: %d, error %v", n, err)
	}
}

func TestRoot(t *testing.T) {
	for to, want := range map[string]string{
		"out": "out", "./out/": "out", "../out": "../out", "/abs/out": "/abs/out",
		"file:///abs/out": "/abs/out", "file://localhost/abs/out": "/abs/out", "file:///with%20space": "/with space",
	} {
		if got, err := parseRoot("to", to); got.folder != want || err != nil {
			t.Errorf("%q: %q, error %v, want %q", to, got.folder, err, want)
		}
	}
	for to, want := range map[string][3]string{
		"gs://bucket": {"gs", "bucket", ""}, "gs://bucket/": {"gs", "bucket", ""}, "gs://bucket/a%20b/c/": {"gs", "bucket", "a%20b/c"},
		"s3://bucket": {"s3", "bucket", ""}, "s3://bucket/": {"s3", "bucket", ""}, "s3://bucket/a%20b/c/": {"s3", "bucket", "a%20b/c"},
	} {
		got, err := parseRoot("to", to)
		if err != nil || !got.isBucket() || got.scheme.name != want[0] || got.bucket != want[1] || got.prefix != want[2] {
			t.Errorf("%q: %+v, error %v, want %q", to, got, err, want)
		}
	}
	for _, to := range []string{"", "://", "file://", "file://host/out", "file:///out?x", "file:///out#x", "file://%zz/", "s3:bucket", "S3://bucket", "s3a://bucket", "s3n://bucket", "gcs://bucket", "r2://bucket"} {
		if got, err := parseRoot("to", to); exitCode(err) != exitUsage {
			t.Errorf("%q: %+v, error %v", to, got, err)
		}
	}
}

func TestOpenExisting(t *testing.T) {
	there, err := parseRoot("to", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	missing, err := parseRoot("to", filepath.Join(there.folder, "missing"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := there.openExisting(); err != nil {
		t.Error(err)
	}
	if _, err := missing.openExisting(); exitCode(err) != exitStopped || hint(err) == "" {
		t.Errorf("missing folder: error %v, hint %q", err, hint(err))
	}
	if _, err := missing.open(); err != nil {
		t.Error(err)
	}
}

func TestReadIDs(t *testing.T) {
	long := strings.Repeat("x", 129)
	var named []string
	for n := range maxBadIDs - 1 {
		named = append(named, fmt.Sprintf("stdin:%d has '!' as character 1", 2*n+2))
	}
	tests := []struct {
		name  string
		stdin string
		args  []string
		want  []string
		bad   string // begins the error
	}{
		{name: "none"},
		{name: "arguments", args: []string{"b", "a", "b"}, want: []string{"b", "a", "b"}},
		{name: "file after arguments", args: []string{"a"}, stdin: "b\nc", want: []string{"a", "b", "c"}},
		{name: "white space", stdin: "\uFEFF a\t\r\n\r\n  \n#x\n \t# y\nb", want: []string{"a", "b"}},
		{name: "mark on a later line", stdin: "a\n\uFEFFb\n", bad: `bad batch ids:
  stdin:2 has '\ufeff' as character 1`},
		{name: "arguments are not trimmed", args: []string{" a", ""}, bad: `bad batch ids:
  argument 1 has ' ' as character 1
  argument 2 is empty`},
		{name: "all are named", args: []string{"../x", "a", long}, stdin: "ok\nä\n_x\n" + long, bad: `bad batch ids:
  argument 1 has '.' as character 1
  argument 3 is longer than 128 characters
  stdin:2 has 'ä' as character 1
  stdin:3 begins with "_"
  stdin:4 is longer than 128 characters`},
		{name: "long comment", stdin: "#" + strings.Repeat("x", 3*maxLine) + "\na\n" + strings.Repeat(" ", maxLine-3) + "b", want: []string{"a", "b"}},
		{name: "long blanks", stdin: "\uFEFF" + strings.Repeat(" ", 3*maxLine) + "\na\n" + strings.Repeat(" \t", maxLine) + "b\n" + strings.Repeat(" ", maxLine), want: []string{"a", "b"}},
		{name: "long lines", stdin: "a\n" + strings.Repeat("x", 2*maxLine+7) + "\n" + strings.Repeat(" ", maxLine-1) + "bc\n-", bad: `bad batch ids:
  stdin:2 is longer than 128 characters
  stdin:3 is longer than 128 characters
  stdin:4 begins with "-"`},
		{name: "no more than twenty are named", args: []string{"a b"}, stdin: strings.Repeat("ok\n!\n", 2000), bad: `bad batch ids:
  argument 1 has ' ' as character 2
  ` + strings.Join(named, "\n  ") + `
  and 1,981 more`},
		{name: "of a line no more than a character", stdin: "ada@example.com\n", bad: `bad batch ids:
  stdin:1 has '@' as character 4`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := &program{stdin: iotest.OneByteReader(strings.NewReader(test.stdin))}
			got, err := p.readAllIDs(nil, test.args, []string{"-"}, kindOfList{}, &badIDs{})
			if test.bad != "" {
				if err == nil || err.Error() != test.bad || exitCode(err) != exitUsage {
					t.Errorf("error %v, want\n%s", err, test.bad)
				}
				return
			}
			if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
				t.Errorf("error %v, difference (-want +got):\n%s", err, diff)
			}
		})
	}

	p := &program{stdin: iotest.ErrReader(errors.New("cable cut"))}
	if _, err := p.readAllIDs(nil, nil, []string{"-"}, kindOfList{}, &badIDs{}); err == nil || !strings.Contains(err.Error(), "read stdin: cable cut") {
		t.Errorf("error %v", err)
	}
}

func TestExitCode(t *testing.T) {
	fatal := &pipeline.Error{Op: "fetch", Class: pipeline.Fatal, Err: errors.New("no credits")}
	tests := []struct {
		err  error
		want int
	}{
		{nil, exitOK},
		{errors.New("anything"), exitStopped},
		{fatal, exitStopped},
		{usagef("", "wrong"), exitUsage},
		{fmt.Errorf("wrapped: %w", usagef("", "wrong")), exitUsage},
		{&signalError{syscall.SIGINT}, exitInterrupt},
		{&signalError{syscall.SIGTERM}, exitTerminated},
		{&signalError{syscall.SIGHUP}, exitHangup},
		{errUnread, exitUnread},
		{fmt.Errorf("read: %w", errMaxRuntime), exitOngoing},
		{fmt.Errorf("wrapped: %w", &signalError{syscall.SIGTERM}), exitTerminated},
		{joinOutcome(nil, 0, 0), exitOK},
		{joinOutcome(nil, 0, 1), exitOngoing},
		{joinOutcome(nil, 1, 0), exitFailed},
		{joinOutcome(nil, 1, 1), exitFailed},
		{joinOutcome(fatal, 1, 1), exitStopped},
		{joinOutcome(&signalError{syscall.SIGINT}, 1, 1), exitInterrupt},
	}
	for _, test := range tests {
		if got := exitCode(test.err); got != test.want {
			t.Errorf("%v: exit code %d, want %d", test.err, got, test.want)
		}
	}
}
