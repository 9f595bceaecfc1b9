package s3

import (
	"context"
	"iter"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"enrow-export/sinks"
)

// Errors of listings that cannot be believed.
const (
	errListOrder = protocolError("S3 does not list objects in the order of their names")
	errListStuck = protocolError("S3 repeats a page of a listing")
	errListKey   = protocolError("S3 lists a key that cannot be decoded")
)

// List implements sinks.Store. It leaves the checksum unset.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[sinks.Info, error] {
	return func(yield func(sinks.Info, error) bool) {
		if err := s.list(ctx, prefix, func(info sinks.Info) bool { return yield(info, nil) }); err != nil {
			yield(sinks.Info{}, ended(ctx, s.classify(err, []string{listPermission}, "")))
		}
	}
}

// list calls yield until it returns false.
func (s *Store) list(ctx context.Context, prefix string, yield func(sinks.Info) bool) error {
	client, err := s.connect(ctx)
	if err != nil {
		return err
	}
	input := &s3.ListObjectsV2Input{
		Bucket: &s.cfg.Bucket, Prefix: aws.String(s.prefix + prefix), ExpectedBucketOwner: s.owner(),
		EncodingType: types.EncodingTypeUrl, // XML has no way to write some characters
	}
	for last := ""; ; {
		var page *s3.ListObjectsV2Output
		err := s.retry(ctx, func() (err error) {
			page, err = client.ListObjectsV2(ctx, input)
			return err
		})
		if err != nil {
			return err
		}
		if page.Name == nil && page.KeyCount == nil && page.IsTruncated == nil && len(page.Contents) == 0 {
			return unreachable(errNotS3)
		}
		s.seen.Store(true)
		s.listed.Store(true)
		for _, object := range page.Contents {
			if err := ctx.Err(); err != nil { // the rest of a page needs no request
				return err
			}
			key, err := decodeKey(aws.ToString(object.Key), page.EncodingType)
			if err != nil {
				return err
			}
			if key <= last {
				return errListOrder
			}
			last = key
			// Others may keep objects here whose names are none of ours, such as the
			// "folders" that the console makes.
			name, ok := strings.CutPrefix(key, s.prefix)
			if !ok || sinks.CheckName(name) != nil {
				continue
			}
			version, err := versionOf(object.ETag)
			if err != nil {
				return err
			}
			if !yield(sinks.Info{Name: name, Size: aws.ToInt64(object.Size), Version: version}) {
				return nil
			}
		}
		if !aws.ToBool(page.IsTruncated) {
			return nil
		}
		next := aws.ToString(page.NextContinuationToken)
		if next == "" || next == aws.ToString(input.ContinuationToken) {
			return errListStuck
		}
		input.ContinuationToken = &next
	}
}

// decodeKey returns a key of a listing. A store that does not know the encoding names
// none.
func decodeKey(key string, encoding types.EncodingType) (string, error) {
	if encoding != types.EncodingTypeUrl {
		return key, nil
	}
	decoded, err := url.QueryUnescape(key)
	if err != nil {
		return "", errListKey
	}
	return decoded, nil
}
