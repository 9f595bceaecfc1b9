// Gateway is a server of S3 for tests: the one of versitygw, over a directory of its own.
// It is a module of its own so that the server's weight stays out of the product's; package
// sinks/s3/s3gateway builds and starts it.
//
//	gateway BUCKET...
//
// Its root account is the one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Once the
// buckets are there it prints its URL. It ends, and its directory with it, when its
// standard input ends: also when who started it is killed.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
	"github.com/versity/versitygw/s3api"
)

func main() {
	printed := os.Stdout
	os.Stdout = os.Stderr // the server prints what it does
	if err := run(printed, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gateway:", err)
		os.Exit(1)
	}
}

func run(stdout io.Writer, buckets []string) error {
	dir, backend, err := open()
	if err != nil {
		return err
	}
	go func() {
		io.Copy(io.Discard, os.Stdin)
		// An orderly shutdown waits for connections that clients keep.
		if err := os.RemoveAll(dir); err != nil {
			fmt.Fprintln(os.Stderr, "gateway:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}()
	ctx := context.Background()
	for {
		address, err := freeAddress()
		if err != nil {
			return err
		}
		listening, ended := make(chan struct{}), make(chan error, 1)
		go func() {
			ended <- embedgw.RunVersityGW(ctx, backend, &embedgw.Config{
				RootUserAccess:    os.Getenv("AWS_ACCESS_KEY_ID"),
				RootUserSecret:    os.Getenv("AWS_SECRET_ACCESS_KEY"),
				Ports:             []string{address},
				MaxConnections:    4096,
				MaxRequests:       4096,
				MultipartMaxParts: 10000,
				KeepAlive:         true,
				Quiet:             true,
				S3Options:         []s3api.Option{s3api.WithOnListen(func() { close(listening) })},
			})
		}()
		select {
		case err := <-ended:
			if errors.Is(err, syscall.EADDRINUSE) {
				continue // taken meanwhile
			}
			return err
		case <-listening:
		}
		url := "http://" + address
		if err := create(ctx, url, buckets); err != nil {
			return err
		}
		fmt.Fprintln(stdout, url)
		return <-ended
	}
}

// open returns the server's storage in a new directory. The server keeps what belongs to
// an object in extended attributes. It could keep it in files beside the object, but then
// a reader may meet the attributes of another writing.
func open() (dir string, storage *posix.Posix, err error) {
	places := []string{os.TempDir(), "/var/tmp", "/dev/shm"}
	for _, place := range places {
		if dir, err = os.MkdirTemp(place, "enrow-export-gateway"); err != nil {
			continue
		}
		if err = (meta.XattrMeta{}).StoreAttribute(nil, dir, "", "test", []byte("x")); err == nil {
			storage, err = posix.New(dir, meta.XattrMeta{}, posix.PosixOpts{Concurrency: 256})
			return dir, storage, err
		}
		os.Remove(dir)
	}
	return "", nil, fmt.Errorf("none of %q keeps extended attributes: set TMPDIR: %w", places, err)
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

func create(ctx context.Context, url string, buckets []string) error {
	client := s3.New(s3.Options{
		BaseEndpoint: &url, Region: "us-east-1", UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), ""),
	})
	for _, bucket := range buckets {
		if _, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(bucket)}); err != nil {
			return fmt.Errorf("create bucket %s: %w", bucket, err)
		}
	}
	return nil
}
