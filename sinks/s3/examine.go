package s3

import (
	"cmp"
	"context"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// ServiceURL returns where requests go, as the configuration and the environment say.
func (c Config) ServiceURL() string { return cmp.Or(c.endpoint(), awsURL) }

// Connection returns where requests go, which the AWS profile may say, too, and the
// settings that name certificates to trust for them. The error is that of a client
// that cannot be made.
func (s *Store) Connection(ctx context.Context) (url string, certificates []string, err error) {
	if s.cfg.CAFile != "" {
		certificates = append(certificates, "the system", "--s3-ca-file")
	}
	if os.Getenv(bundleEnv) != "" {
		certificates = append(certificates, bundleEnv)
	}
	client, err := s.connect(ctx)
	if err != nil {
		return "", nil, err
	}
	o := client.Options()
	if o.BaseEndpoint != nil {
		return *o.BaseEndpoint, certificates, nil
	}
	endpoint, err := o.EndpointResolverV2.ResolveEndpoint(ctx, s3.EndpointParameters{
		Bucket: &s.cfg.Bucket, Region: &o.Region, ForcePathStyle: &o.UsePathStyle,
		UseFIPS:      aws.Bool(o.EndpointOptions.UseFIPSEndpoint == aws.FIPSEndpointStateEnabled),
		UseDualStack: aws.Bool(o.EndpointOptions.UseDualStackEndpoint == aws.DualStackEndpointStateEnabled),
	})
	if err != nil {
		return "", nil, err
	}
	return endpoint.URI.String(), certificates, nil
}

// bundleEnv names certificates in the place of those of the system, for all programs
// that use the client library.
const bundleEnv = "AWS_CA_BUNDLE"

// Written returns when an object was last put, by the clock of the service. It makes one
// try.
func (s *Store) Written(ctx context.Context, name string) (time.Time, error) {
	client, err := s.begin(ctx, name)
	if err != nil {
		return time.Time{}, err
	}
	answer, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.cfg.Bucket, Key: aws.String(s.prefix + name), ExpectedBucketOwner: s.owner()})
	if err != nil {
		err = s.explain(ctx, client, name, err)
		return time.Time{}, ended(ctx, s.classify(err, s.readPermissions(), name))
	}
	return aws.ToTime(answer.LastModified), nil
}
