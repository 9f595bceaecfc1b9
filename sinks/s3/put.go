package s3

import (
	"bytes"
	"context"
	"crypto/md5" // which an ETag of S3 is
	"encoding/hex"
	"fmt"
	"hash/crc32"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"enrow-export/sinks"
)

// Put implements sinks.Store.
func (s *Store) Put(ctx context.Context, name string, data []byte, cond sinks.Condition) (sinks.Info, error) {
	if err := checkCondition("put", name, cond, true); err != nil {
		return sinks.Info{}, err
	}
	client, err := s.begin(ctx, name)
	if err != nil {
		return sinks.Info{}, err
	}
	want := sinks.Info{Name: name, Size: int64(len(data)), CRC32C: crc32.Checksum(data, sinks.Castagnoli)}
	var answer *s3.PutObjectOutput
	c := change{
		store: s, client: client, name: name, cond: cond,
		send: func(plain bool) (err error) {
			answer, err = client.PutObject(ctx, s.putInput(name, data, want.CRC32C, cond, plain))
			s.sawBucket(err)
			return err
		},
		isDone: func(current *sinks.Info) bool {
			return current != nil && current.Size == want.Size && current.CRC32C == want.CRC32C
		},
	}
	found, done, err := c.run(ctx)
	switch {
	case err != nil:
		return sinks.Info{}, ended(ctx, s.classify(err, []string{putPermission}, ""))
	case done:
		return *found, nil
	}
	s.seen.Store(true)
	want.Version, err = versionOf(answer.ETag)
	if err != nil {
		return sinks.Info{}, fmt.Errorf("put %s: %w", name, err)
	}
	if err := s.confirm(ctx, data, want, answer); err != nil {
		return sinks.Info{}, err
	}
	return want, nil
}

// putInput returns the request of a put. The content is read from data, so the request
// can be made again.
func (s *Store) putInput(name string, data []byte, sum uint32, cond sinks.Condition, plain bool) *s3.PutObjectInput {
	input := &s3.PutObjectInput{
		Bucket: &s.cfg.Bucket, Key: aws.String(s.prefix + name), ExpectedBucketOwner: s.owner(),
		Body:                 bytes.NewReader(data),
		ContentLength:        aws.Int64(int64(len(data))),
		ContentType:          aws.String(sinks.ContentType(name)),
		ChecksumCRC32C:       aws.String(encodeSum(sum)),
		ServerSideEncryption: types.ServerSideEncryption(s.cfg.SSE),
	}
	if s.cfg.KMSKey != "" {
		input.SSEKMSKeyId = &s.cfg.KMSKey
	}
	switch {
	case plain:
	case cond.Absent():
		input.IfNoneMatch = aws.String("*")
	default:
		input.IfMatch = aws.String(cond.Version())
	}
	return input
}

// confirm returns an error if the service has stored something else than was sent. A
// service that returns neither the checksum nor the digest of the content is read.
func (s *Store) confirm(ctx context.Context, data []byte, want sinks.Info, answer *s3.PutObjectOutput) error {
	if sum, ok := decodeSum(answer.ChecksumCRC32C, answer.ChecksumType); ok {
		if sum != want.CRC32C {
			return fmt.Errorf("put %s: S3 reports another checksum than was sent", want.Name)
		}
		return nil
	}
	digest := md5.Sum(data)
	if want.Version == `"`+hex.EncodeToString(digest[:])+`"` {
		return nil
	}
	current, err := s.Stat(ctx, want.Name)
	switch {
	case err != nil:
		return fmt.Errorf("put %s: look at what was put: %w", want.Name, err)
	case current.Version == want.Version && current != want:
		return fmt.Errorf("put %s: S3 has stored something else than was sent", want.Name)
	}
	return nil // or somebody has replaced it since
}
