package main

import (
	"cmp"
	"errors"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"enrow-export/schema/dialect"
	"enrow-export/sinks"
	"enrow-export/sinks/network"
	"enrow-export/sinks/s3"
)

func s3Flags() []*flagDef {
	return onlyS3(
		textFlag("s3-endpoint", "URL", "", "address of the store").or("Amazon S3").
			more("For example https://minio.example.com:9000. It is for stores that are not Amazon's, and for private endpoints."),
		textFlag("s3-region", "REGION", "", "region of the bucket").or("the region in the AWS settings").
			more("Without it, AWS_REGION and the profile of the AWS configuration say it."),
		boolFlag("s3-path-style", "write the bucket in the path of requests, not in the host").
			more("Many stores that are not Amazon's need it."),
		textFlag("s3-ca-file", "FILE", "", "PEM certificates to trust for the store").file().or("the certificates of the system"),
		textFlag("s3-sse", "NAME", "", "encryption of written objects: "+strings.Join(encryptions, ", ")).
			oneOf(encryptions...).orNone().or("the bucket's"),
		textFlag("s3-kms-key", "KEY", "", "id or ARN of the key, with --s3-sse aws:kms").or("the account's"),
		textFlag("s3-bucket-owner", "ACCOUNT", "", "refuse a bucket of another AWS account").
			more("ACCOUNT is the number of twelve digits. A bucket that was deleted may be made anew by somebody else."),
	)
}

func singleWriterFlag() []*flagDef {
	return onlyS3(boolFlag("single-writer", "write without conditions: never run two processes at once").
		more("It is for a store that cannot keep conditions. " +
			"Two processes on one ROOT may overwrite the files and the manifest entries of each other."))
}

// onlyS3 marks flags that do nothing for another store.
func onlyS3(flags ...*flagDef) []*flagDef {
	for _, f := range flags {
		f.store = "s3"
	}
	return flags
}

// encryptions are the values of --s3-sse.
var encryptions = []string{"AES256", "aws:kms", "aws:kms:dsse"}

// s3Config returns what the flags say of a bucket of S3.
func (r root) s3Config() s3.Config {
	c := r.flags
	return s3.Config{
		Bucket: r.bucket, Prefix: r.prefix, Endpoint: c.String("s3-endpoint"), Region: c.String("s3-region"), PathStyle: c.Bool("s3-path-style"),
		CAFile: c.String("s3-ca-file"), SSE: c.String("s3-sse"), KMSKey: c.String("s3-kms-key"), BucketOwner: c.String("s3-bucket-owner"),
		SingleWriter: c.Bool("single-writer"), UserAgent: userAgent,
	}
}

// openS3 returns the store of a bucket of S3.
func openS3(r root) (sinks.Store, error) {
	s, err := s3.Open(r.s3Config())
	var advised *sinks.AdvisedError
	var setting *network.SettingError
	switch {
	case errors.As(err, &setting):
		return nil, usagef(setting.Hint, "%v", setting)
	case errors.As(err, &advised) && (strings.HasPrefix(advised.Text, "--") || strings.HasPrefix(advised.Text, "AWS_")):
		return nil, usagef(advised.Hint, "%s", advised.Text)
	case errors.As(err, &advised):
		return nil, usagef(advised.Hint, "--%s: %s", r.flag, advised.Text)
	case err != nil:
		return nil, r.misnamed(err)
	}
	return s, nil
}

// s3Of returns where a warehouse finds the s3:// URLs of a load. The flags are about --to.
// They are about --root-url only if --to is no such URL: a copy of a bucket is elsewhere.
func s3Of(c *cli.Context) dialect.S3 {
	place := dialect.S3{Endpoint: c.String("s3-endpoint"), Region: c.String("s3-region"), PathStyle: c.Bool("s3-path-style")}
	to := schemeOf(c.String("to"))
	switch isS3 := to != nil && to.name == "s3"; {
	case isS3 && c.String("root-url") != "":
		return dialect.S3{}
	case isS3 && place.Endpoint == "":
		place.Endpoint = cmp.Or(os.Getenv("AWS_ENDPOINT_URL_S3"), os.Getenv("AWS_ENDPOINT_URL")) // as the store does
	}
	return place
}
