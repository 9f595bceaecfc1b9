package s3

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"enrow-export/sinks"
)

// Delete implements sinks.Store. It looks first: S3 reports no error if there is no
// object, and not every store knows the condition of a delete.
func (s *Store) Delete(ctx context.Context, name string, cond sinks.Condition) error {
	if err := checkCondition("delete", name, cond, !cond.Absent()); err != nil {
		return err
	}
	client, err := s.begin(ctx, name)
	if err != nil {
		return err
	}
	c := change{
		store: s, client: client, name: name, cond: cond,
		send:   func(plain bool) error { return s.sendDelete(ctx, client, name, cond.Version(), plain) },
		isDone: func(current *sinks.Info) bool { return current == nil },
	}
	err = s.retry(ctx, func() error { return c.compare(ctx) })
	if err == nil {
		_, _, err = c.run(ctx)
	}
	if conflict := isConflict(err); conflict != nil && conflict.Current == nil {
		return notExist(name)
	}
	return ended(ctx, s.classify(err, []string{deletePermission}, ""))
}

// sendDelete makes one DELETE request, or a second one without the condition if the
// service does not know it.
func (s *Store) sendDelete(ctx context.Context, client *s3.Client, name, version string, plain bool) error {
	input := &s3.DeleteObjectInput{Bucket: &s.cfg.Bucket, Key: aws.String(s.prefix + name), ExpectedBucketOwner: s.owner()}
	if !plain && !s.plainDelete.Load() {
		input.IfMatch = &version
	}
	_, err := client.DeleteObject(ctx, input)
	if input.IfMatch != nil && responseOf(err).noConditions() {
		s.plainDelete.Store(true)
		input.IfMatch = nil
		_, err = client.DeleteObject(ctx, input)
	}
	s.sawBucket(err)
	return err
}
