// Package s3 keeps objects in a bucket of Amazon S3, or of another store that speaks
// its protocol.
//
// Every object is put by one PutObject request, never in parts, so nothing is left
// behind when a run dies. Every put carries a condition: If-None-Match for a new
// object, If-Match for one that is replaced. The service decides each race. The version
// of an object is its ETag. An ETag may be the digest of the content, so the same bytes
// put again may have the same version (sinks.Traits.ContentVersions).
//
// A request that fails may have taken effect. The store looks at the object before it
// sends the request again, and before it reports a conflict: its own success that got
// lost must not be taken for the success of somebody else. That is why the retries of
// the library are off.
//
// The CRC32C of the content is sent along, and compared with the one that the service
// returns. Stores that know no CRC32C are read instead.
//
// # The client library
//
// The library is aws-sdk-go-v2. Its rival minio-go adds less to the program, but it has no
// condition for a delete, does not know the roles of an AWS profile, and sends a put up to
// ten times by itself, so that it mistakes its own success for a conflict. The figures
// stand where go.mod requires the library.
package s3

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"enrow-export/sinks"
	"enrow-export/sinks/network"
)

// Defaults of Config.
const (
	defaultTries      = 6
	defaultRetryPause = time.Second
)

// Config says which bucket, and how to get at it. Bucket must be set.
type Config struct {
	Bucket string
	// Prefix is the directory of the bucket that the names are relative to, "" for the
	// bucket itself.
	Prefix string
	// Endpoint is the URL of a store that is not Amazon's, "" for Amazon S3 or for the
	// endpoint that the environment or the profile names.
	Endpoint string
	// Region is that of the bucket, "" for the region of the environment or the profile.
	Region string
	// PathStyle puts the bucket into the path of each URL and not into the host. It is
	// set for an endpoint whose host is an address or has no dot.
	PathStyle bool
	// CAFile has certificates of authorities to be trusted beside the system's.
	CAFile string
	// SSE is how the service encrypts objects: "AES256", "aws:kms", "aws:kms:dsse", or ""
	// for the bucket's own setting.
	SSE string
	// KMSKey is the key for SSE by KMS, "" for the account's.
	KMSKey string
	// BucketOwner is the account that must own the bucket, "" for any.
	BucketOwner string
	// SingleWriter says that nobody else writes. Conditions are checked by a look before
	// each change, and are not sent, for stores that do not know them.
	SingleWriter bool
	// UserAgent, as name/version, is sent along with the client library's own.
	UserAgent string
	// Tries bounds how often one request is made in all.
	Tries int
	// RetryPause is the longest pause before the second try.
	RetryPause time.Duration
}

// Store is a bucket, or a directory of one.
type Store struct {
	cfg    Config
	prefix string // of every object's key: "" or ends in "/"
	// responseTimeout bounds the wait for a response to a request that was sent.
	responseTimeout time.Duration

	building chan struct{} // held while the client is made
	client   atomic.Pointer[s3.Client]
	http     *http.Client // of client
	closed   atomic.Bool

	// seen says that the bucket has been seen: a HEAD without a body has the status 404
	// for a missing bucket, too.
	seen atomic.Bool
	// listed says that a listing was allowed.
	listed atomic.Bool
	// plainDelete says that the service does not know conditions of a delete.
	plainDelete atomic.Bool
}

var (
	_ sinks.Store   = (*Store)(nil)
	_ sinks.Checker = (*Store)(nil)
)

// Traits implements sinks.Store. An operation takes tens of milliseconds: to keep up
// with the work before it, more bytes have to be under way than to a directory.
func (s *Store) Traits() sinks.Traits {
	return sinks.Traits{
		Operations: sinks.FolderTraits.Operations, Bytes: 12 << 20,
		ContentVersions: true, ListedVersions: true,
	}
}

// Open returns the store of a bucket. It makes no request, and looks for no credentials
// before the store is used. A setting that cannot be obeyed is a *sinks.AdvisedError,
// one of the environment a *network.SettingError. The caller calls Close.
func Open(cfg Config) (*Store, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	target := awsURL
	if endpoint := cfg.endpoint(); endpoint != "" {
		target = endpoint
	}
	if err := network.CheckEnvironment(target); err != nil {
		return nil, err
	}
	if cfg.Tries == 0 {
		cfg.Tries = defaultTries
	}
	if cfg.RetryPause == 0 {
		cfg.RetryPause = defaultRetryPause
	}
	s := &Store{cfg: cfg, responseTimeout: responseTimeout, building: make(chan struct{}, 1)}
	if cfg.Prefix != "" {
		s.prefix = cfg.Prefix + "/"
	}
	return s, nil
}

// begin returns the client for an operation on an object, with the name checked.
func (s *Store) begin(ctx context.Context, name string) (*s3.Client, error) {
	if err := sinks.CheckName(name); err != nil {
		return nil, err
	}
	return s.connect(ctx)
}

// errClosed is the error of a store that was closed.
var errClosed = errors.New("store is closed")

// Close lets go of the connections. The store cannot be used afterwards.
func (s *Store) Close() error {
	s.building <- struct{}{}
	defer func() { <-s.building }()
	s.closed.Store(true)
	if s.http != nil {
		s.http.CloseIdleConnections()
	}
	return nil
}
