package main

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Of a path that only another program would have understood, such as a shell, the
// system makes a file or folder with that name, and all seems well until somebody looks
// for it. "./" before a path says that it is meant.

var (
	// drive begins a path of Windows, with a server or with a drive.
	drive = regexp.MustCompile(`^([A-Za-z]:|\\\\)`)
	// scheme begins a URL.
	scheme = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*)://`)
	// colon is a URL without its slashes, as far as can be told from a name with a
	// colon in it, which files may have.
	colon = regexp.MustCompile(`^(?i)(gs|gcs|s3[an]?|r2|oss|az|azure|abfss?|wasbs?|adl|hdfs|https?|s?ftp|ssh|file):`)
)

// checkPath refuses a path of a flag that is meant for another program. An empty one
// is for the flag to judge.
func checkPath(flag, path string) error {
	hint := "write ./" + path + " if that is its name"
	switch {
	case path == "":
	case path[0] == '~':
		return usagef("write the path of the home directory, or $HOME; "+hint, "%s: %q begins with a tilde that no shell has replaced", flag, path)
	case path[0] == '$':
		return usagef("write the value; "+hint, "%s: %q begins with a variable that no shell has replaced", flag, path)
	case strings.ContainsRune("'\"`", rune(path[0])) && strings.HasSuffix(path[1:], path[:1]):
		return usagef("leave them out; "+hint, "%s: %s has quotation marks around it", flag, path)
	case drive.MatchString(path):
		return usagef("write a path of this system; "+hint, "%s: %q is a Windows path", flag, path)
	}
	return nil
}

// checkRoot is checkPath for a root, and refuses all URLs that are not of one.
func checkRoot(flag, at string) error {
	if err := checkPath(flag, at); err != nil {
		return err
	}
	name := ""
	if m := scheme.FindStringSubmatch(at); m != nil {
		name = m[1]
	} else if m := colon.FindStringSubmatch(at); m != nil {
		name = m[1]
	}
	switch strings.ToLower(name) {
	case "":
		return nil
	case "gs", "gcs":
		if strings.HasPrefix(at, "gs://") {
			return nil
		}
		return usagef("did you mean "+urlOf("gs", at)+"? "+orFolder(at), "%s: %q is not the URL of a bucket", flag, at)
	case "file":
		if strings.HasPrefix(at, "file://") {
			return nil
		}
		return usagef("write file:///abs/out, with three slashes", "%s: %q is not the file URL of a directory on this machine", flag, at)
	case "s3", "s3a", "s3n":
		return usagef("export to a directory or gs://bucket/prefix, and copy the files from there; "+orFolder(at), "%s: unknown scheme %s://: S3 is not supported", flag, name)
	}
	return unknownScheme(flag, name)
}

// urlOf returns the URL of a bucket that was likely meant.
func urlOf(scheme, at string) string {
	_, bucket, _ := strings.Cut(at, ":")
	return scheme + "://" + strings.ReplaceAll(strings.TrimLeft(bucket, `/\`), `\`, "/")
}

func orFolder(at string) string {
	return "write ./" + strings.TrimLeft(at, "/") + " for a directory of that name"
}

// checkFile is checkPath for a file, which is always on this system.
func checkFile(flag, path string) error {
	if err := checkPath(flag, path); err != nil {
		return err
	}
	if scheme.MatchString(path) || colon.MatchString(path) {
		return usagef("name a file on this machine; write ./"+path+" if that is its name", "%s: %q is a URL", flag, path)
	}
	return nil
}

// checkUTF8 refuses texts that neither JSON nor SQL can hold: replacement characters
// would stand in them, and lead nowhere. Texts come in pairs of what one is and itself.
func checkUTF8(form string, texts ...string) error {
	for pair := range slices.Chunk(texts, 2) {
		if !utf8.ValidString(pair[1]) {
			return usagef("rename it, or use a link to it with another name", "%s: %q is not UTF-8, which %s has to be", pair[0], pair[1], form)
		}
	}
	return nil
}
