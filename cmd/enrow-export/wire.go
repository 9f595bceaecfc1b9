package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"enrow-export/pipeline"
	"enrow-export/schema"
	"enrow-export/sinks"
	"enrow-export/sinks/gcs"
	"enrow-export/sinks/local"
	"enrow-export/sources"
)

// root is where files are, as the flags say it.
type root struct {
	flag        string // that says it
	at          string
	credentials string // file with those for a bucket
	timeout     time.Duration
}

// rootOf reads the flag --to or --from, and those that go with it.
func rootOf(c *cli.Context, flag string) (root, error) {
	r := root{flag, c.String(flag), c.String("gcs-credentials-file"), c.Duration("store-timeout")}
	return r, positive("store-timeout", r.timeout)
}

// open returns the store. It touches nothing yet. The caller calls closeStore.
func (r root) open() (sinks.Store, error) {
	var s sinks.Store
	var err error
	if location, ok := strings.CutPrefix(r.at, "gs://"); ok {
		s, err = r.bucket(location)
	} else {
		var path string
		if path, err = r.folder(); err == nil {
			s, err = local.Open(path)
		}
	}
	if err != nil {
		return nil, err
	}
	return sinks.WithTimeout(s, r.timeout), nil
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

// exists returns an error if a folder is not there: whoever only looks at what is
// in it would take a mistyped name for an empty destination. (A bucket that does
// not exist is an error anyway.)
func (r root) exists() error {
	if strings.HasPrefix(r.at, "gs://") {
		return nil
	}
	path, err := r.folder()
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil // what else there may be against it is found by reading
	}
	if r.flag == "from" {
		return &pipeline.Error{Op: "open", Class: pipeline.Fatal, Err: fmt.Errorf("folder %s does not exist", path), Hint: "check --from"}
	}
	return &pipeline.Error{
		Op: "open", Class: pipeline.Fatal, Err: fmt.Errorf("destination %s does not exist", path),
		Hint: "check --to: enqueue and export make the folder when they have something to write",
	}
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

// location returns the root as others have to name it: a URL, or an absolute path.
func (r root) location() (string, error) {
	if strings.HasPrefix(r.at, "gs://") {
		return strings.TrimSuffix(r.at, "/"), nil
	}
	path, err := r.folder()
	if err != nil {
		return "", err
	}
	return filepath.Abs(path)
}

// publishBudget returns how many bytes may be on their way to the root at a time.
// A bucket takes tens of milliseconds for each operation: to keep up with the
// other stages, more has to be under way than to a folder.
func (r root) publishBudget() int64 {
	if strings.HasPrefix(r.at, "gs://") {
		return 20 << 20
	}
	return pipeline.DefaultPublishBudget
}

// closeStore lets go of what a store holds on to.
func closeStore(s sinks.Store) {
	if c, ok := s.(io.Closer); ok {
		c.Close() // whatever was put is there by now
	}
}

// bucket returns the store at BUCKET[/PREFIX], taken literally.
func (r root) bucket(location string) (sinks.Store, error) {
	name, prefix, _ := strings.Cut(location, "/")
	s, err := gcs.Open(gcs.Config{
		Bucket: name, Prefix: strings.TrimSuffix(prefix, "/"),
		CredentialsFile: r.credentials, UserAgent: "enrow-export/" + version,
	})
	var file *fs.PathError
	switch {
	case errors.As(err, &file), errors.Is(err, gcs.ErrCredentialsFile):
		return nil, usagef("give a service account's key file, or leave it out to use Application Default Credentials", "--gcs-credentials-file: %v", err)
	case err != nil:
		return nil, usagef("write gs://bucket or gs://bucket/prefix", "--%s: %v", r.flag, err)
	}
	return s, nil
}

// folder returns the path of a root that is a folder.
func (r root) folder() (string, error) {
	if r.at == "" {
		return "", usagef("for example --"+r.flag+" out", "no destination: --%s is missing", r.flag)
	}
	scheme, _, ok := strings.Cut(r.at, "://")
	if !ok {
		return filepath.Clean(r.at), nil
	}
	if scheme != "file" {
		return "", usagef("give a folder (out, ./out, file:///abs/out) or a bucket (gs://bucket/prefix)", "--%s: unknown scheme %s://", r.flag, scheme)
	}
	u, err := url.Parse(r.at)
	if err != nil || u.Host != "" && u.Host != "localhost" || u.Path == "" || u.RawQuery != "" || u.Fragment != "" {
		return "", usagef("write file:///abs/out, with three slashes", "--%s: %q is no file URL of a folder here", r.flag, r.at)
	}
	return filepath.Clean(u.Path), nil
}

// source is where answers come from: the API, or a folder or bucket.
type source struct {
	pipeline.Source
	close func()
	// saved yields the batches that there are; nil when that is not known.
	saved func(context.Context, *schema.Table) iter.Seq2[string, error]
}

// retries returns how many requests were made again, as far as that is counted.
func (s source) retries() int64 {
	if r, ok := s.Source.(interface{ Retries() int64 }); ok {
		return r.Retries()
	}
	return 0
}

// newSource returns the source that the flags describe. The caller closes it.
func newSource(c *cli.Context, cfg pipeline.Config, ui *ui) (source, error) {
	if c.String("from") == "" {
		client, err := newClient(c, cfg, ui)
		if err != nil {
			return source{}, err
		}
		return source{Source: client, close: client.Close}, nil
	}
	if cfg.Wait {
		return source{}, usagef("a saved answer does not change", "--wait does not go with --from")
	}
	from, err := rootOf(c, "from")
	if err != nil {
		return source{}, err
	}
	store, err := from.openExisting()
	if err != nil {
		return source{}, err
	}
	replay := sources.NewReplay(store, cfg.MaxBody)
	return source{Source: replay, close: func() { closeStore(store) }, saved: replay.IDs}, nil
}

// leastKey is how many characters a key of the API has at least.
const leastKey = 8

// apiKey returns the API key, which never comes from a flag's value: it would
// show in the list of processes. A text that is too short for one would, as a key,
// be taken out of every message, and of the words in it; an API on this machine
// (no other may be without TLS) is one to try things out with, and takes any.
func apiKey(ctx context.Context, file, apiURL string) (string, error) {
	key, from := os.Getenv("ENROW_API_KEY"), "ENROW_API_KEY"
	if file != "" {
		data, err := unlessStopped(ctx, func() ([]byte, error) { return os.ReadFile(file) })
		if ctx.Err() != nil {
			return "", err
		}
		if err != nil {
			return "", usagef("", "--api-key-file: %v", err)
		}
		key, from = string(data), file
	}
	key = strings.TrimSpace(key)
	if key == "" {
		return "", usagef("set ENROW_API_KEY, or name a file with --api-key-file; enrow-export demo needs no key",
			"no API key: %s is empty", from)
	}
	if len(key) < leastKey && !strings.HasPrefix(strings.ToLower(apiURL), "http:") {
		return "", usagef("set ENROW_API_KEY to the whole key, or name a file with it with --api-key-file",
			"no API key: %s has fewer than %d characters", from, leastKey)
	}
	return key, nil
}
