package main

import (
	"os"
	"path"
	"slices"
	"strings"

	"enrow-export/sinks"
)

// extensions are further names that users give to files of our formats.
var extensions = strings.NewReplacer(".jsonl", ".ndjson", ".zstd", ".zst")

// encodingOf returns the encoding of a file: that which its name ends in, or else that
// which the flags say. Flags that are set must not contradict the name.
func encodingOf(name, format, compression string) (sinks.Encoding, error) {
	first := sinks.Formats()[0].Name
	if format != "" || compression != "" { // what is not there at all contradicts nothing
		f := format
		if f == "" {
			f = formatFor(compression)
		}
		if _, err := sinks.NewEncoding(f, compression); err != nil {
			return sinks.Encoding{}, usagef("", "%v", err)
		}
	}
	named := namedEncodings(name)
	if len(named) == 0 {
		if ext := path.Ext(path.Base(name)); ext != "" && format == "" {
			return sinks.Encoding{}, usagef("end the name in .parquet, .ndjson, .csv or .csv.gz, or add --format", "--out %s: %s is not the extension of a format", name, ext)
		}
		if format == "" {
			format = first
		}
		enc, err := sinks.NewEncoding(format, compression)
		if err != nil {
			return enc, usagef("", "%v", err)
		}
		return enc, nil
	}
	left := slices.DeleteFunc(slices.Clone(named), func(e sinks.Encoding) bool { return format != "" && e.Format.Name != format })
	if len(left) == 0 {
		return sinks.Encoding{}, usagef("change the name, or leave --format out", "--format %s contradicts --out %s", format, name)
	}
	if left[0].Format != left[len(left)-1].Format {
		return sinks.Encoding{}, usagef("add --format", "--out %s: the name does not tell the format", name)
	}
	if compression == "" {
		return left[0], nil
	}
	i := slices.IndexFunc(left, func(e sinks.Encoding) bool { return e.Compression == compression })
	if i < 0 {
		return sinks.Encoding{}, usagef("change the name, or leave --compression out", "--compression %s contradicts --out %s", compression, name)
	}
	return left[i], nil
}

// formatFor returns the first format that has a compression, or the first of all.
func formatFor(compression string) string {
	for _, f := range sinks.Formats() {
		if slices.Contains(f.Compressions, compression) {
			return f.Name
		}
	}
	return sinks.Formats()[0].Name
}

// namedEncodings returns the encodings whose files may have that name, the default of
// each format first: one of CSV for "b.csv", all of Parquet for "b.parquet", and of each
// format that is compressed as a whole for "b.zst". There are none for a name that says
// nothing.
func namedEncodings(name string) (whole []sinks.Encoding) {
	name = extensions.Replace(strings.ToLower(path.Base(name)))
	var compressed []sinks.Encoding
	for _, f := range sinks.Formats() {
		for _, c := range f.Compressions {
			enc, err := sinks.NewEncoding(f.Name, c)
			if err != nil {
				panic(err) // it lists its compressions itself
			}
			if strings.HasSuffix(name, "."+enc.Ext()) {
				whole = append(whole, enc)
			} else if suffix := strings.TrimPrefix(enc.Ext(), f.Name); suffix != "" && strings.HasSuffix(name, suffix) {
				compressed = append(compressed, enc)
			}
		}
	}
	if len(whole) > 0 {
		return whole
	}
	return compressed
}

// isBinary reports whether a file is not text.
func isBinary(enc sinks.Encoding) bool {
	return enc.Format.Name == "parquet" || enc.Compression != "none"
}

// isTerminalFile reports whether a terminal has that name, as /dev/stdout may.
func isTerminalFile(name string) bool {
	if info, err := os.Stat(name); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	_, ok := anyTerminal(f)
	return ok
}
