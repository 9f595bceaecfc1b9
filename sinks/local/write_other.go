//go:build !linux

package local

import "os"

// writePast writes data to f.
func writePast(f *os.File, data []byte) error {
	_, err := f.Write(data)
	return err
}
