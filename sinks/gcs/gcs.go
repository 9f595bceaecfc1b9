// Package gcs keeps objects in a bucket of Google Cloud Storage.
//
// Every write and every delete carries a precondition on the object's
// generation, so the service itself decides each race, and a request whose
// answer got lost can be sent again without harm: that is the only reason why
// writes are retried at all. A generation is never used twice, which makes it
// the Version of an object. The checksum is sent along with the content and
// compared with the one that the service reports.
//
// Objects up to one chunk are sent in a single request, longer ones by a
// resumable upload. Neither leaves an object behind when it is cut off.
package gcs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"cloud.google.com/go/storage"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/api/option"

	"enrow-export/sinks"
	"enrow-export/sinks/network"
)

// Defaults of Config.
const (
	defaultTries      = 6
	defaultRetryPause = time.Second // what Cloud Storage advises
)

// maxRetryPause bounds the pause between two tries, which doubles each time.
const maxRetryPause = 16 * time.Second

// emulatorEnv, when it is set, names an emulator to be used instead of the
// service. The client library reads it; credentials are not sent then.
const emulatorEnv = "STORAGE_EMULATOR_HOST"

// Config says which bucket, and how to get at it. Bucket must be set.
type Config struct {
	Bucket string
	// Prefix is the folder of the bucket that the names are relative to, ""
	// for the bucket itself.
	Prefix string
	// CredentialsFile is a JSON key or configuration file; "" stands for
	// Application Default Credentials.
	CredentialsFile string
	// UserAgent is sent along with the client library's own.
	UserAgent string
	// Tries bounds how often one request is made in all.
	Tries int
	// RetryPause is the longest pause before the second try.
	RetryPause time.Duration
}

// Store is a bucket, or a folder of one.
type Store struct {
	cfg     Config
	prefix  string // of every object's name: "" or ends in "/"
	options []option.ClientOption

	mu     sync.Mutex
	client *storage.Client // made when it is first used
	closed bool
}

var (
	_ sinks.Store   = (*Store)(nil)
	_ sinks.Checker = (*Store)(nil)
)

// Traits implements sinks.Store. An operation takes tens of milliseconds: to keep
// up with the work before it, more bytes have to be under way than to a folder.
func (s *Store) Traits() sinks.Traits {
	return sinks.Traits{Operations: sinks.FolderTraits.Operations, Bytes: 20 << 20, ListedVersions: true}
}

// Open returns the store of a bucket. No request is made and no client is built
// before the store is used; what is wrong with the configuration itself is
// reported here. The caller calls Close.
func Open(cfg Config) (*Store, error) {
	if err := checkBucket(cfg.Bucket); err != nil {
		return nil, err
	}
	if cfg.Tries == 0 {
		cfg.Tries = defaultTries
	}
	if cfg.RetryPause == 0 {
		cfg.RetryPause = defaultRetryPause
	}
	s := &Store{cfg: cfg}
	if cfg.Prefix != "" {
		if err := sinks.CheckName(cfg.Prefix); err != nil || !utf8.ValidString(cfg.Prefix) {
			return nil, fmt.Errorf("prefix %q: segments must not be empty, . or .., nor hold backslashes or control characters", cfg.Prefix)
		}
		s.prefix = cfg.Prefix + "/"
	}
	s.options = []option.ClientOption{
		storage.WithJSONReads(), // an emulator serves no XML
		option.WithTelemetryDisabled(),
		option.WithUserAgent(cfg.UserAgent),
	}
	if host := os.Getenv(emulatorEnv); host != "" {
		target, err := emulatorURL(host)
		if err == nil {
			err = network.CheckEnvironment(target)
		}
		if err != nil {
			return nil, err
		}
		return s, nil
	}
	if err := network.CheckEnvironment(serviceURL); err != nil {
		return nil, err
	}
	s.options = append(s.options, option.WithScopes(storage.ScopeReadWrite))
	if cfg.CredentialsFile != "" {
		kind, err := credentialsType(cfg.CredentialsFile)
		if err != nil {
			return nil, err
		}
		s.options = append(s.options, option.WithAuthCredentialsFile(kind, cfg.CredentialsFile))
	}
	return s, nil
}

// checkBucket refuses what cannot be the name of a bucket.
// Source: https://cloud.google.com/storage/docs/buckets#naming
func checkBucket(name string) error {
	alphanumeric := func(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }
	ok := len(name) >= 3 && len(name) <= 222 && alphanumeric(name[0]) && alphanumeric(name[len(name)-1])
	for i := 0; ok && i < len(name); i++ {
		ok = alphanumeric(name[i]) || strings.IndexByte("-_.", name[i]) >= 0
	}
	if !ok {
		return fmt.Errorf("%q is not a bucket's name: it takes 3 to 222 of a-z, 0-9, dash, underscore and dot", name)
	}
	return nil
}

// bucket returns the handle of the bucket, and builds the client if there is
// none yet.
func (s *Store) bucket(ctx context.Context) (*storage.BucketHandle, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errors.New("store is closed")
	}
	if s.client == nil {
		if err := s.checkDefaultCredentials(); err != nil {
			return nil, unreachable(err)
		}
		keepProxyRefusals()
		// The client keeps the context for the tokens that it will ask for.
		client, err := storage.NewClient(context.WithoutCancel(ctx), s.options...)
		if err != nil {
			return nil, unreachable(s.noCredentials(err))
		}
		client.SetRetry(
			storage.WithPolicy(storage.RetryIdempotent),
			storage.WithMaxAttempts(s.cfg.Tries),
			storage.WithBackoff(s.backoff()),
		)
		s.client = client
	}
	return s.client.Bucket(s.cfg.Bucket), nil
}

func (s *Store) backoff() gax.Backoff {
	return gax.Backoff{Initial: s.cfg.RetryPause, Max: max(s.cfg.RetryPause, maxRetryPause), Multiplier: 2}
}

// object returns the handle of an object, with the name checked.
func (s *Store) object(ctx context.Context, name string) (*storage.ObjectHandle, error) {
	if err := sinks.CheckName(name); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	bucket, err := s.bucket(ctx)
	if err != nil {
		return nil, err
	}
	return bucket.Object(s.prefix + name), nil
}

// Close lets go of the connections. The store cannot be used afterwards.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.client == nil {
		return nil
	}
	return s.client.Close()
}

// version returns the Version of a generation.
func version(generation int64) string { return strconv.FormatInt(generation, 10) }

// conditions returns what cond asks of the service.
func conditions(cond sinks.Condition) (storage.Conditions, error) {
	if cond.Absent() {
		return storage.Conditions{DoesNotExist: true}, nil
	}
	generation, err := strconv.ParseInt(cond.Version(), 10, 64)
	if err != nil || generation <= 0 {
		return storage.Conditions{}, errors.New("no condition given, or not one of Cloud Storage")
	}
	return storage.Conditions{GenerationMatch: generation}, nil
}
