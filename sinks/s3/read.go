package s3

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"enrow-export/sinks"
)

// Get implements sinks.Store.
func (s *Store) Get(ctx context.Context, name string) (data []byte, info sinks.Info, err error) {
	client, err := s.begin(ctx, name)
	if err != nil {
		return nil, sinks.Info{}, err
	}
	err = s.retry(ctx, func() (err error) {
		data, info, err = s.get(ctx, client, name)
		return err
	})
	if err != nil {
		return nil, sinks.Info{}, ended(ctx, s.classify(err, s.readPermissions(), name))
	}
	return data, info, nil
}

// get makes one request for an object.
func (s *Store) get(ctx context.Context, client *s3.Client, name string) ([]byte, sinks.Info, error) {
	answer, err := client.GetObject(ctx, &s3.GetObjectInput{
		Bucket: &s.cfg.Bucket, Key: aws.String(s.prefix + name), ExpectedBucketOwner: s.owner(),
		ChecksumMode: types.ChecksumModeEnabled,
	})
	if err != nil {
		s.sawBucket(err)
		return nil, sinks.Info{}, err
	}
	defer func() { _ = answer.Body.Close() }() // it was only read
	s.seen.Store(true)
	size := aws.ToInt64(answer.ContentLength)
	var buf bytes.Buffer
	buf.Grow(int(max(size, 0)) + bytes.MinRead)
	if _, err := buf.ReadFrom(answer.Body); err != nil {
		return nil, sinks.Info{}, &bodyError{err}
	}
	data := buf.Bytes()
	sum := crc32.Checksum(data, sinks.Castagnoli)
	known, hasSum := decodeSum(answer.ChecksumCRC32C, answer.ChecksumType)
	switch {
	case answer.ContentLength != nil && size != int64(len(data)):
		return nil, sinks.Info{}, &bodyError{io.ErrUnexpectedEOF}
	case hasSum && known != sum:
		return nil, sinks.Info{}, &bodyError{errDamaged}
	}
	version, err := versionOf(answer.ETag)
	if err != nil {
		return nil, sinks.Info{}, err
	}
	return data, sinks.Info{Name: name, Size: int64(len(data)), CRC32C: sum, Version: version}, nil
}

// errDamaged is the error of content that has another checksum than the service says.
// It may have been changed on its way.
var errDamaged = errors.New("the content does not have the checksum that S3 reports")

// Stat implements sinks.Store. It reads the object if the service does not know its
// CRC32C.
func (s *Store) Stat(ctx context.Context, name string) (info sinks.Info, err error) {
	client, err := s.begin(ctx, name)
	if err != nil {
		return sinks.Info{}, err
	}
	err = s.retry(ctx, func() (err error) {
		info, err = s.stat(ctx, client, name)
		return err
	})
	if err != nil {
		return sinks.Info{}, ended(ctx, s.classify(err, s.readPermissions(), name))
	}
	return info, nil
}

// stat is Stat without retries: a HEAD, and a GET if the service does not know the
// checksum. The error is that of the client library.
func (s *Store) stat(ctx context.Context, client *s3.Client, name string) (sinks.Info, error) {
	info, hasSum, err := s.head(ctx, client, name)
	if err == nil && !hasSum {
		_, info, err = s.get(ctx, client, name)
	}
	return info, err
}

// head makes one HEAD request. hasSum says that info has the checksum.
func (s *Store) head(ctx context.Context, client *s3.Client, name string) (info sinks.Info, hasSum bool, err error) {
	answer, err := client.HeadObject(ctx, &s3.HeadObjectInput{
		Bucket: &s.cfg.Bucket, Key: aws.String(s.prefix + name), ExpectedBucketOwner: s.owner(),
		ChecksumMode: types.ChecksumModeEnabled,
	})
	if err != nil {
		return sinks.Info{}, false, s.explain(ctx, client, name, err)
	}
	s.seen.Store(true)
	version, err := versionOf(answer.ETag)
	if err != nil {
		return sinks.Info{}, false, err
	}
	sum, hasSum := decodeSum(answer.ChecksumCRC32C, answer.ChecksumType)
	return sinks.Info{Name: name, Size: aws.ToInt64(answer.ContentLength), CRC32C: sum, Version: version}, hasSum, nil
}

// explain returns a better error than that of a HEAD, whose response has no body: 404
// stands for a missing bucket, too, and some stores answer an unknown access key with it.
// A GET tells.
func (s *Store) explain(ctx context.Context, client *s3.Client, name string, err error) error {
	r := responseOf(err)
	isMissing := r.status == http.StatusNotFound
	if r.status < 300 || r.status >= 500 || isMissing && s.seen.Load() {
		return err
	}
	answer, getErr := client.GetObject(ctx, &s3.GetObjectInput{
		Bucket: &s.cfg.Bucket, Key: aws.String(s.prefix + name), ExpectedBucketOwner: s.owner(),
	})
	if getErr == nil {
		_ = answer.Body.Close() // somebody has just put it
		s.seen.Store(true)
		return err
	}
	s.sawBucket(getErr)
	if told := responseOf(getErr); told.region == "" && r.region != "" && isElsewhere(r) {
		return err // which knows the region
	}
	return getErr
}

// sawBucket notes from an error that the bucket is there.
func (s *Store) sawBucket(err error) {
	if noSuchKey(err) {
		s.seen.Store(true)
	}
}

// current returns what is there now, nil if there is no object. It is one try, and an
// error that another try may not meet is that of the client library.
func (s *Store) current(ctx context.Context, client *s3.Client, name string) (*sinks.Info, error) {
	info, err := s.stat(ctx, client, name)
	switch {
	case noSuchKey(err):
		return nil, nil
	case passing(err):
		return nil, err
	case err != nil:
		return nil, ended(ctx, s.classify(err, s.readPermissions(), name))
	}
	return &info, nil
}

// readPermissions are those without which a read is refused. S3 refuses a look at an
// object that does not exist, unless listing is allowed.
func (s *Store) readPermissions() []string {
	if s.listed.Load() {
		return []string{getPermission}
	}
	return []string{getPermission, listPermission}
}

// owner returns the account that must own the bucket, nil for any.
func (s *Store) owner() *string {
	if s.cfg.BucketOwner == "" {
		return nil
	}
	return &s.cfg.BucketOwner
}

// versionOf returns the version that an ETag is. Listings of some stores lack the quotes.
func versionOf(tag *string) (string, error) {
	text := aws.ToString(tag)
	switch {
	case text == "":
		return "", unreachable(&sinks.AdvisedError{Text: "S3 returned no ETag", Hint: errNotS3.Hint})
	case strings.HasSuffix(text, `"`):
		return text, nil
	}
	return `"` + text + `"`, nil
}

// encodeSum returns a checksum as the protocol has it.
func encodeSum(sum uint32) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, sum))
}

// decodeSum returns the CRC32C of a whole object. A checksum of parts is none.
func decodeSum(text *string, kind types.ChecksumType) (sum uint32, ok bool) {
	data, err := base64.StdEncoding.DecodeString(aws.ToString(text))
	if err != nil || len(data) != 4 || kind == types.ChecksumTypeComposite {
		return 0, false
	}
	return binary.BigEndian.Uint32(data), true
}

var errNoCondition = errors.New("no condition given")

// checkCondition returns an error unless cond can be given to op.
func checkCondition(op, name string, cond sinks.Condition, ok bool) error {
	if !ok || !cond.Valid() {
		return fmt.Errorf("%s %s: %w", op, name, errNoCondition)
	}
	return nil
}
