package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"enrow-export/pipeline"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// env returns the environment variable of a flag: ENROW_EXPORT_ and its name.
func env(flag string) []string {
	return []string{"ENROW_EXPORT_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))}
}

// textFlag is a flag with a text, which keeps its default where its environment
// variable is set to nothing.
type textFlag struct{ *cli.StringFlag }

func (f textFlag) Apply(set *flag.FlagSet) error {
	all := f.EnvVars
	defer func() { f.EnvVars = all }() // help names them
	f.EnvVars = slices.DeleteFunc(slices.Clone(all), func(name string) bool { return os.Getenv(name) == "" })
	return f.StringFlag.Apply(set)
}

func stringFlag(name, value, usage string, moreEnv ...string) textFlag {
	return textFlag{&cli.StringFlag{Name: name, Value: value, Usage: usage, EnvVars: append(moreEnv, env(name)...)}}
}

// own gives a flag that export has, too, an environment variable of its own, so
// that what is set for exports is not taken for another command's.
func own(command string, flag cli.Flag) cli.Flag {
	name := env(command + "-" + flag.Names()[0])
	switch f := flag.(type) {
	case textFlag:
		f.EnvVars = name
	case *cli.StringSliceFlag:
		f.EnvVars = name
	case *cli.BoolFlag:
		f.EnvVars = name
	}
	return flag
}

func listFlag(name, usage, defaultText string) *cli.StringSliceFlag {
	return &cli.StringSliceFlag{Name: name, Usage: usage, EnvVars: env(name), DefaultText: defaultText}
}

func boolFlag(name, usage string) *cli.BoolFlag {
	return &cli.BoolFlag{Name: name, Usage: usage, EnvVars: env(name)}
}

func intFlag(name string, value int, usage string) *cli.IntFlag {
	return &cli.IntFlag{Name: name, Value: value, Usage: usage, EnvVars: env(name)}
}

func floatFlag(name string, value float64, usage string) *cli.Float64Flag {
	return &cli.Float64Flag{Name: name, Value: value, Usage: usage, EnvVars: env(name)}
}

func durationFlag(name string, value time.Duration, usage string) *cli.DurationFlag {
	return &cli.DurationFlag{Name: name, Value: value, Usage: usage, EnvVars: env(name)}
}

// Flags that several commands share.
func toFlags() []cli.Flag {
	return []cli.Flag{
		stringFlag("to", "", "destination `ROOT`: a folder (out, file:///abs/out) or a bucket (gs://bucket/prefix); required"),
		credentialsFlag(),
		durationFlag("store-timeout", defaultStoreTimeout, "longest `TIME` of one operation on the destination"),
	}
}

// defaultStoreTimeout is long enough for any file over a slow line.
const defaultStoreTimeout = 5 * time.Minute

func credentialsFlag() cli.Flag {
	f := stringFlag("gcs-credentials-file", "", "`FILE` with Google credentials for a bucket")
	f.DefaultText = "Application Default Credentials"
	return f
}

func fromFlag() cli.Flag {
	f := stringFlag("from", "", "export saved answers, with no key: a `ROOT` with copies that --keep-raw has kept, or one of ID.json files; without ids, all of them")
	f.DefaultText = "the API"
	return f
}

func layoutFlag() cli.Flag {
	return stringFlag("layout", pipeline.DefaultLayout, "`TEMPLATE` of the files' paths below the root")
}

// kindFlag is --kind of a command that works on one kind.
func kindFlag() cli.Flag {
	return stringFlag("kind", schema.Tables()[0].Kind, "`KIND` of the batches: "+strings.Join(kinds(), ", "))
}

// kindsFlag is --kind of a command that works on all kinds if it is left out.
func kindsFlag() cli.Flag {
	f := stringFlag("kind", "", "`KIND` of the batches: "+strings.Join(kinds(), ", "))
	f.DefaultText = "all"
	return f
}

func kinds() []string {
	var names []string
	for _, t := range schema.Tables() {
		names = append(names, t.Kind)
	}
	return names
}

// tables returns the tables of --kind, all when it is empty.
func tables(c *cli.Context) ([]*schema.Table, error) {
	kind := c.String("kind")
	if kind == "" {
		return schema.Tables(), nil
	}
	table, ok := schema.TableByKind(kind)
	if !ok {
		return nil, oneOf("kind", kind, kinds()...)
	}
	return []*schema.Table{table}, nil
}

// columns reads --columns and --exclude-columns; nil means all of the table's.
func columns(c *cli.Context, table *schema.Table) ([]string, error) {
	include, exclude := splitLists(given(c, "columns")), splitLists(given(c, "exclude-columns"))
	if len(include) > 0 && len(exclude) > 0 {
		return nil, usagef("name the columns to keep, or those to leave out", "--columns and --exclude-columns do not go together")
	}
	if len(given(c, "columns")) > 0 && len(include) == 0 {
		return nil, usagef("leave the flag out for all of them", "--columns: no column given")
	}
	flag := "columns"
	if len(exclude) > 0 {
		flag = "exclude-columns"
	}
	selected, err := table.Select(include, exclude)
	if err != nil {
		return nil, usagef("see enrow-export schema --kind "+table.Kind, "--%s: %v", flag, err)
	}
	if len(selected.Columns) == len(table.Columns) {
		return nil, nil
	}
	return selected.ColumnNames(), nil
}

func outputFlag() cli.Flag {
	return stringFlag("output", "text", "`FORM` of the result on stdout: text, or json (one object a line)")
}

func idsFileFlag() cli.Flag {
	return listFlag("ids-file", "`FILE` with a batch id a line, - for stdin; may be repeated", "none")
}

func logFlags() []cli.Flag {
	return []cli.Flag{
		stringFlag("log-level", "info", "least `LEVEL` of logs on stderr: debug, info, warn, error"),
		stringFlag("log-format", "text", "`FORM` of logs on stderr: text, json"),
		boolFlag("quiet", "print errors only, on stderr"),
	}
}

// given returns the values of a repeatable flag. An environment variable that is
// set to nothing gives none.
func given(c *cli.Context, flag string) []string {
	return slices.DeleteFunc(c.StringSlice(flag), func(v string) bool { return v == "" })
}

// splitLists splits every value at commas and drops white space and empty parts.
func splitLists(values []string) []string {
	var parts []string
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			if part = strings.TrimSpace(part); part != "" {
				parts = append(parts, part)
			}
		}
	}
	return parts
}

// encodings reads --format and --compression together. A compression is for
// all formats, or FORMAT=COMPRESSION for one of them.
func encodings(formats, compressions []string) ([]sinks.Encoding, error) {
	general, perFormat := "", make(map[string]string)
	for _, c := range splitLists(compressions) {
		format, compression, ok := strings.Cut(c, "=")
		if !ok {
			if general != "" && general != c {
				return nil, usagef("", "--compression: both %s and %s for all formats", general, c)
			}
			general = c
			continue
		}
		if before, ok := perFormat[format]; ok && before != compression {
			return nil, usagef("", "--compression: both %s and %s for %s", before, compression, format)
		}
		perFormat[format] = compression
	}
	asked := make(map[string]bool)
	for _, f := range splitLists(formats) {
		if _, ok := sinks.FormatByName(f); !ok {
			_, err := sinks.NewEncoding(f, "")
			return nil, usagef("", "--format: %v", err)
		}
		asked[f] = true
	}
	if len(asked) == 0 {
		return nil, usagef("", "--format: no format given")
	}
	var encs []sinks.Encoding
	for _, f := range sinks.Formats() { // in one order, however they were typed
		compression, own := perFormat[f.Name]
		delete(perFormat, f.Name)
		if !own {
			compression = general
		}
		enc, err := sinks.NewEncoding(f.Name, compression)
		switch {
		case asked[f.Name] && err != nil:
			return nil, usagef("", "--compression: %v", err)
		case asked[f.Name]:
			encs = append(encs, enc)
		case own:
			return nil, usagef("add it to --format, or leave its compression out", "--compression: %s is not among the formats asked for", f.Name)
		}
	}
	for f := range perFormat {
		return nil, usagef("", "--compression: unknown format %q", f)
	}
	return encs, nil
}

// byteSize reads a size such as 64MiB or 1000000.
func byteSize(flag, value string) (int64, error) {
	n, err := humanize.ParseBytes(value)
	if err != nil || n == 0 || n > maxMaxBody {
		return 0, usagef("give a size from 1 to "+humanize.IBytes(maxMaxBody)+", such as 64MiB", "--%s: %q is not a size in that range", flag, value)
	}
	return int64(n), nil
}

// maxMaxBody keeps the rows of an answer within what one Arrow column can hold.
const maxMaxBody = 1 << 30

func layout(template string) (pipeline.Layout, error) {
	l, err := pipeline.ParseLayout(template)
	if err != nil {
		return l, usagef("the default is "+pipeline.DefaultLayout, "--%v", err)
	}
	return l, nil
}

// oneOf checks a flag with few values.
func oneOf(flag, value string, allowed ...string) error {
	for _, a := range allowed {
		if value == a {
			return nil
		}
	}
	return usagef("", "--%s: %q is not one of %s", flag, value, strings.Join(allowed, ", "))
}

// What a run may be told to ask of the API. Beyond that it is a slip of the hand:
// with a request a day a run would seem to hang, and for a hundred thousand at a
// time no system has the memory and the connections.
const (
	maxConcurrency   = 1024
	minRate, maxRate = 0.001, 1e6 // requests a second
)

// checkConcurrency checks the flag of that name.
func checkConcurrency(n int) error {
	if n < 1 || n > maxConcurrency {
		return usagef("", "--concurrency: %d is not from 1 to %d", n, maxConcurrency)
	}
	return nil
}

// checkRate checks the flag of that name.
func checkRate(perSecond float64) error {
	if perSecond == 0 || perSecond >= minRate && perSecond <= maxRate {
		return nil
	}
	return usagef(fmt.Sprintf("give 0 for no limit, or a number from %v to %.0f", minRate, maxRate), "--rate: %v is not a number in that range", perSecond)
}

// positive checks a duration.
func positive(flag string, value time.Duration) error {
	if value <= 0 {
		return usagef("", "--%s: %v is not above zero", flag, value)
	}
	return nil
}

func notNegative[N int | time.Duration](flag string, value N) error {
	if value < 0 {
		return usagef("", "--%s: %v is negative", flag, fmt.Sprint(value))
	}
	return nil
}
