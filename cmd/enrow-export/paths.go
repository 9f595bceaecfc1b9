package main

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"enrow-export/sinks"
)

// Of a path that only another program would have understood, such as a shell, the
// system makes a file or folder with that name, and all seems well until somebody looks
// for it. "./" before a path says that it is meant.

var (
	// drive begins a path of Windows, with a server or with a drive.
	drive = regexp.MustCompile(`^([A-Za-z]:|\\\\)`)
	// schemed is a URL.
	schemed = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*)://`)
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

// schemeIn returns how a URL begins, also one without its slashes; empty for a path.
func schemeIn(at string) string {
	m := schemed.FindStringSubmatch(at)
	if m == nil {
		m = colon.FindStringSubmatch(at)
	}
	if m == nil {
		return ""
	}
	return m[1]
}

// checkRoot is checkPath for a root, and refuses all URLs that are not of one.
func checkRoot(flag, at string) error {
	if err := checkPath(flag, at); err != nil {
		return err
	}
	name := schemeIn(at)
	meant := schemeMeant(name)
	switch {
	case name == "", meant != nil && strings.HasPrefix(at, meant.url()):
		return nil
	case meant != nil:
		return usagef("did you mean "+urlOf(meant, at)+"? "+orFolder(at), "%s: %q is not the URL of a bucket", flag, at)
	case !strings.EqualFold(name, "file"):
		return unknownScheme(flag, name)
	case strings.HasPrefix(at, "file://"):
		return nil
	}
	return usagef("write file:///abs/out, with three slashes", "%s: %q is not the file URL of a directory on this machine", flag, at)
}

// urlOf returns the URL of a bucket that was likely meant.
func urlOf(meant *scheme, at string) string {
	_, bucket, _ := strings.Cut(at, ":")
	return meant.url() + strings.ReplaceAll(strings.TrimLeft(bucket, `/\`), `\`, "/")
}

func orFolder(at string) string {
	return "write ./" + strings.TrimLeft(at, "/") + " for a directory of that name"
}

// checkFile is checkPath for a file, which is always on this system.
func checkFile(flag, path string) error {
	if err := checkPath(flag, path); err != nil {
		return err
	}
	if schemeIn(path) != "" {
		return usagef("name a file on this machine; write ./"+path+" if that is its name", "%s: %q is a URL", flag, path)
	}
	return nil
}

// checkList is checkPath for a list, which may be a file of this system or in a bucket.
func checkList(flag, at string) error {
	if err := checkPath(flag, at); err != nil {
		return err
	}
	name := schemeIn(at)
	meant := schemeMeant(name)
	switch {
	case name == "":
		return nil
	case meant == nil:
		return usagef("name a file on this machine, "+strings.ReplaceAll(bucketURLs("key"), ", ", " or ")+"; write ./"+at+" if that is its name", "%s: %q is a URL that cannot be read", flag, at)
	case !strings.HasPrefix(at, meant.url()):
		return usagef("did you mean "+urlOf(meant, at)+"? Write ./"+at+" for a file of that name", "%s: %q is not the URL of an object", flag, at)
	}
	if bucket, key, _ := strings.Cut(strings.TrimPrefix(at, meant.url()), "/"); bucket == "" || key == "" || strings.HasSuffix(key, "/") {
		return usagef("write "+meant.url()+"bucket/key", "%s: %q names no object", flag, at)
	} else if err := sinks.CheckName(key); err != nil {
		return usagef("the parts of a key must not be empty, . or .., nor hold backslashes or control characters", "%s: %q cannot be read", flag, at)
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
