package fakeapi_test

import (
	"net"
	"net/url"
	"testing"

	"enrow-export/sources/fakeapi"
)

func TestListenURL(t *testing.T) {
	tests := []struct{ addr, host string }{
		{"127.0.0.1:0", "127.0.0.1"},
		{"0.0.0.0:0", "127.0.0.1"},
		{":0", "127.0.0.1"},
	}
	for _, tt := range tests {
		t.Run(tt.addr, func(t *testing.T) {
			listener, err := fakeapi.New(fakeapi.Options{}).Listen(tt.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			u, err := url.Parse(listener.URL())
			if err != nil {
				t.Fatal(err)
			}
			if u.Scheme != "http" || u.Hostname() != tt.host || u.Port() == "0" || u.Path != "" {
				t.Errorf("URL is %s", u)
			}
			conn, err := net.Dial("tcp", u.Host)
			if err != nil {
				t.Fatal(err)
			}
			conn.Close()
		})
	}
}

func TestListenClose(t *testing.T) {
	api := fakeapi.New(fakeapi.Options{})
	listener, err := api.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(listener.URL())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := api.Listen(u.Host); err == nil {
		t.Error("the same address is listened on twice")
	}
	idle, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	for range 2 {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
	}
	if conn, err := net.Dial("tcp", u.Host); err == nil {
		conn.Close()
		t.Error("a closed Listener accepts connections")
	}
}
