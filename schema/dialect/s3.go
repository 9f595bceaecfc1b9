package dialect

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// S3 says where the store behind s3:// URLs is. The zero S3 is Amazon S3, in the region
// that the warehouse finds by itself.
type S3 struct {
	// Endpoint is the URL of the store, empty for Amazon S3.
	Endpoint string
	// Region is that of the bucket, empty when it is not known.
	Region string
	// PathStyle puts the bucket into the path of requests, not into the host.
	PathStyle bool
}

// isAmazon reports whether the store is Amazon S3, at whatever address.
func (s S3) isAmazon() bool {
	host := "." + strings.ToLower(s.host())
	if name, _, ok := strings.Cut(host, ":"); ok {
		host = name
	}
	for _, domain := range []string{".amazonaws.com", ".amazonaws.com.cn", ".api.aws"} {
		if strings.HasSuffix(host, domain) {
			return true
		}
	}
	return s.Endpoint == ""
}

// host returns the host of the endpoint, with its port.
func (s S3) host() string {
	u, err := url.Parse(s.Endpoint)
	if err != nil {
		return ""
	}
	return u.Host
}

// pathStyle reports whether the bucket cannot stand before the host, or shall not.
func (s S3) pathStyle() bool {
	u, err := url.Parse(s.Endpoint)
	if err != nil || s.Endpoint == "" {
		return s.PathStyle
	}
	_, err = netip.ParseAddr(u.Hostname())
	return s.PathStyle || err == nil || !strings.Contains(u.Hostname(), ".")
}

func isS3(location string) bool { return strings.HasPrefix(location, "s3://") }

// CheckS3 returns why files at a location cannot be loaded from that store, nil when they
// can, or are not in S3.
func (d *Dialect) CheckS3(location string, s S3) error {
	if isS3(location) && d.reach(location) && !s.isAmazon() && !d.anyS3 {
		return fmt.Errorf("%s reads s3:// URLs from Amazon S3 only, and the files are at another endpoint", d.Title)
	}
	return nil
}
