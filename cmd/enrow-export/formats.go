package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

func formatNames() (names []string) {
	for _, f := range sinks.Formats() {
		names = append(names, f.Name)
	}
	return names
}

// formatsFlag is --format of a command that takes several.
func formatsFlag() *flagDef {
	return listFlag("format", "FORMAT,...", strings.Join(formatNames(), ", ")).or(formatNames()[0]).listOf(formatNames()...)
}

func compressionFlag() *flagDef {
	f := listFlag("compression", "NAME,...", strings.Join(compressionNames(), ", ")+"; csv=gzip for one format").
		or("parquet=zstd, others none").suggests(compressionNames()...).
		more("parquet has zstd, snappy, gzip and none; ndjson and csv have none, gzip and zstd.")
	f.knownOf = func(format string) []string {
		if known, ok := canonical(format, formatNames()); ok {
			format = known
		}
		if f, ok := sinks.FormatByName(format); ok {
			return f.Compressions
		}
		return nil
	}
	f.parse = func(_, value string) (string, error) {
		parts := splitLists([]string{value})
		for i, part := range parts {
			format, compression, ok := strings.Cut(part, "=")
			if !ok {
				format, compression = "", part
			}
			// What is not known is refused when formats and compressions are put together.
			if known, ok := canonical(compression, compressionNames()); ok {
				compression = known
			}
			if known, ok := canonical(format, formatNames()); ok {
				format = known
			}
			if parts[i] = compression; ok {
				parts[i] = format + "=" + compression
			}
		}
		return strings.Join(parts, ","), nil
	}
	return f
}

// compressionNames returns the compressions of all formats.
func compressionNames() (names []string) {
	for _, f := range sinks.Formats() {
		for _, c := range f.Compressions {
			if !slices.Contains(names, c) {
				names = append(names, c)
			}
		}
	}
	return names
}

func csvSafeFlag() *flagDef {
	return boolFlag("csv-safe", "put ' before CSV text that a spreadsheet would run").
		more("Such a text begins like a formula.")
}

func layoutFlag() *flagDef {
	return textFlag("layout", "TEMPLATE", manifest.DefaultLayout, "path of each file").checked(func(flag, template string) error {
		if _, err := manifest.ParseLayout(template); err != nil {
			return usagef("the default is "+manifest.DefaultLayout, "--%v", err)
		}
		return nil
	}).more("The path must have {table}, {batch_id} and {ext} in it, and lies below the destination.")
}

// layout reads --layout.
func layout(c *cli.Context) manifest.Layout {
	l, err := manifest.ParseLayout(c.String("layout"))
	if err != nil {
		panic(err) // layoutFlag has found it
	}
	return l
}

// columns reads --columns and --exclude-columns; nil means all of the table's.
func columns(c *cli.Context, table *schema.Table) ([]string, error) {
	include, exclude := splitLists(given(c, "columns")), splitLists(given(c, "exclude-columns"))
	if len(include) > 0 && len(exclude) > 0 {
		return nil, usagef("name the columns to keep, or the columns to leave out", "--columns and --exclude-columns do not go together")
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

// encodings reads --format, --compression and --csv-safe together.
func encodings(c *cli.Context) ([]sinks.Encoding, error) {
	formats := given(c, "format")
	if len(formats) == 0 {
		formats = []string{sinks.Formats()[0].Name}
	}
	encs, err := parseEncodings(formats, given(c, "compression"))
	if err == nil && c.Bool("csv-safe") {
		err = csvSafe(encs)
	}
	return encs, err
}

// parseEncodings reads formats, and compressions for all of them, or as
// FORMAT=COMPRESSION for one.
func parseEncodings(formats, compressions []string) ([]sinks.Encoding, error) {
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

// csvSafe sets --csv-safe for the format that it is for.
func csvSafe(encodings []sinks.Encoding) error {
	i := slices.IndexFunc(encodings, func(e sinks.Encoding) bool { return e.Format.Name == "csv" })
	if i < 0 {
		return usagef("add it to --format, or leave --csv-safe out", "--csv-safe: csv is not among the formats asked for")
	}
	encodings[i].CSVSafe = true
	return nil
}
