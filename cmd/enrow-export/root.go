package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"enrow-export/pipeline"
	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
	"enrow-export/sinks"
	"enrow-export/sinks/local"
)

// root is where files are: a bucket, or a folder. A store is added in schemes.
type root struct {
	flag    string  // that says it
	at      string  // as it was typed
	scheme  *scheme // of a bucket; nil for a folder
	bucket  string
	prefix  string // in the bucket
	folder  string
	flags   *cli.Context // has those that say how to reach a bucket
	timeout time.Duration
}

func (r root) isBucket() bool { return r.scheme != nil }

// defaultStoreTimeout is long enough for any file over a slow line.
const defaultStoreTimeout = 5 * time.Minute

func toFlags() []*flagDef {
	flags := []*flagDef{
		textFlag("to", "ROOT", "", "directory, or bucket as "+strings.ReplaceAll(bucketURLs("prefix"), ", ", " or ")).must().directory().
			more("Write a directory as out, ./out or file:///abs/out."),
	}
	return append(append(flags, gcsFlags()...),
		durationFlag("store-timeout", defaultStoreTimeout, "time limit of one operation on ROOT", positive))
}

// rootOf reads a flag such as --to, and those that go with it.
func rootOf(c *cli.Context, flag string) (root, error) {
	r, err := parseRoot(flag, c.String(flag))
	return r.with(c), err
}

// with returns the root as the flags say that it is reached.
func (r root) with(c *cli.Context) root {
	r.flags, r.timeout = c, c.Duration("store-timeout")
	return r
}

// parseRoot reads a root as it is typed.
func parseRoot(flag, at string) (root, error) {
	r := root{flag: flag, at: at, timeout: defaultStoreTimeout}
	if at == "" {
		return r, usagef("for example --"+flag+" out", "no destination: --%s is missing", flag)
	}
	if err := checkRoot("--"+flag, at); err != nil {
		return r, err
	}
	known, location, isURL := strings.Cut(at, "://")
	r.scheme = schemeOf(at)
	switch {
	case !isURL, at[0] == '.', at[0] == '/': // "./" before it says that it is a name
		r.folder = filepath.Clean(at)
	case r.isBucket(): // taken literally
		r.bucket, r.prefix, _ = strings.Cut(location, "/")
		r.prefix = strings.TrimSuffix(r.prefix, "/")
	case known == "file":
		u, err := url.Parse(at)
		if err != nil || u.Host != "" && u.Host != "localhost" || u.Path == "" || u.RawQuery != "" || u.Fragment != "" {
			return r, usagef("write file:///abs/out, with three slashes", "--%s: %q is not the URL of a directory on this machine", flag, at)
		}
		r.folder = filepath.Clean(u.Path)
	default:
		return r, unknownScheme("--"+flag, known)
	}
	return r, nil
}

func unknownScheme(flag, scheme string) error {
	return usagef("give a directory (out, ./out, file:///abs/out) or a bucket ("+bucketURLs("prefix")+")", "%s: unknown scheme %s://", flag, scheme)
}

// open returns the store. It touches nothing yet. The caller calls closeStore.
func (r root) open() (sinks.Store, error) {
	var s sinks.Store
	var err error
	if r.isBucket() {
		s, err = r.scheme.open(r)
	} else {
		s, err = local.Open(r.folder)
	}
	if err != nil {
		return nil, err
	}
	return sinks.WithTimeout(s, r.timeout), nil
}

// misnamed refuses a bucket or a prefix that cannot be.
func (r root) misnamed(err error) error {
	return usagef("write "+r.scheme.url()+"bucket or "+r.scheme.url()+"bucket/prefix", "--%s: %v", r.flag, err)
}

// openExisting is open for commands that only read.
func (r root) openExisting() (sinks.Store, error) {
	s, err := r.open()
	if err == nil {
		err = r.exists()
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// exists returns an error if a folder is not there: what only looks at what is in it
// would take a mistyped name for an empty destination. (A bucket that does not exist
// is an error anyway.)
func (r root) exists() error {
	if r.isBucket() {
		return nil
	}
	info, err := os.Stat(r.folder)
	switch {
	case errors.Is(err, syscall.ENOTDIR), err == nil && !info.IsDir():
		return &pipeline.Error{Op: "open", Class: pipeline.Fatal, Err: fmt.Errorf("--%s: %w", r.flag, local.NotDirectory(r.folder))}
	case !errors.Is(err, fs.ErrNotExist):
		return nil // a fault of another kind is found by reading
	}
	missing := &pipeline.Error{
		Op: "open", Class: pipeline.Fatal, Err: fmt.Errorf("destination %s does not exist", r.folder),
		Hint: "check --to: enqueue and export create the directory",
	}
	if r.flag == "from" {
		missing.Err, missing.Hint = fmt.Errorf("directory %s does not exist", r.folder), "check --from"
	}
	return missing
}

// known returns an error if nothing was ever recorded in a root, which is open.
func (r root) known(ctx context.Context, store sinks.Store) error {
	known, err := manifest.KnowsAny(ctx, store, schema.Tables())
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return manifest.Failure("open", "", err)
	case known:
		return nil
	}
	check := "whether its volume is mounted"
	if r.isBucket() {
		check = "its prefix above all"
	}
	return &pipeline.Error{
		Op: "open", Class: pipeline.Fatal, Err: fmt.Errorf("nothing was ever exported or enqueued in %s: it has no manifest", r.at),
		Hint: fmt.Sprintf("check --%s, and %s: enqueue and export make the manifest", r.flag, check),
	}
}

// location returns the root as others have to name it: a URL, or an absolute path.
func (r root) location() (string, error) {
	if r.isBucket() {
		return strings.TrimSuffix(r.at, "/"), nil
	}
	return filepath.Abs(r.folder)
}

// service returns the URL of the service that a bucket is in, nothing for a directory.
func (r root) service() string {
	if !r.isBucket() {
		return ""
	}
	return r.scheme.service(r)
}

// typedFlags returns the flags that say how the root is reached, for another command.
func (r root) typedFlags() string {
	if !r.isBucket() {
		return ""
	}
	return r.scheme.typedFlags(r.flags)
}

// overlaps reports whether one of two roots is the other, or lies below it.
func (r root) overlaps(other root) (bool, error) {
	var places [2]string
	for i, one := range []root{r, other} {
		place, err := one.location()
		if err != nil {
			return false, err
		}
		if real, err := filepath.EvalSymlinks(place); err == nil { // else it is a bucket, or not there yet
			place = real
		}
		places[i] = strings.TrimSuffix(place, "/") + "/"
	}
	return strings.HasPrefix(places[0], places[1]) || strings.HasPrefix(places[1], places[0]), nil
}

// closeStore lets go of what a store holds on to.
func closeStore(s sinks.Store) {
	if c, ok := s.(io.Closer); ok {
		c.Close() // every put has ended by now
	}
}
