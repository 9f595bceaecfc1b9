package compact

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/crc32"
	"os"

	"golang.org/x/sys/unix"

	"enrow-export/pipeline"
	"enrow-export/pipeline/manifest"
	"enrow-export/sinks"
	_ "enrow-export/sinks/platform" // files are mapped into memory
)

// spool is a file of this machine in which another is made that is too large for
// memory. It has no name, so that nothing is left of it, however the process ends.
type spool struct {
	file   *os.File
	buf    *bufio.Writer
	sum    hash.Hash
	crc    uint32
	size   int64
	mapped []byte
}

// newSpool makes one in the folder for temporary files. The caller closes it.
func newSpool() (*spool, error) {
	f, err := os.CreateTemp("", "enrow-export-*")
	if err != nil {
		return nil, spoolError("make", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, spoolError("make", err)
	}
	return &spool{file: f, buf: bufio.NewWriterSize(f, 1<<20), sum: sha256.New()}, nil
}

func spoolError(what string, err error) error {
	return &pipeline.Error{
		Op: "compact", Class: pipeline.Fatal, Err: fmt.Errorf("%s temporary file: %w", what, err),
		Hint: "set TMPDIR to a directory with enough space for one packed file",
	}
}

// Write implements io.Writer.
func (s *spool) Write(p []byte) (int, error) {
	n, err := s.buf.Write(p)
	s.sum.Write(p[:n])
	s.crc = crc32.Update(s.crc, sinks.Castagnoli, p[:n])
	s.size += int64(n)
	if err != nil {
		return n, spoolError("write", err)
	}
	return n, nil
}

// describe completes the description of a file with what was written.
func (s *spool) describe(f manifest.File) manifest.File {
	f.Bytes, f.SHA256, f.CRC32C = s.size, hex.EncodeToString(s.sum.Sum(nil)), manifest.EncodeCRC32C(s.crc)
	return f
}

// bytes returns what was written, until the spool is closed. The bytes are mapped, so
// the system can evict them.
func (s *spool) bytes() ([]byte, error) {
	if err := s.buf.Flush(); err != nil {
		return nil, spoolError("write", err)
	}
	if s.mapped == nil && s.size > 0 {
		mapped, err := unix.Mmap(int(s.file.Fd()), 0, int(s.size), unix.PROT_READ, unix.MAP_SHARED)
		if err != nil {
			return nil, spoolError("map", err)
		}
		s.mapped = mapped
	}
	return s.mapped, nil
}

// close lets go of the file, in which there is nothing that anybody needs any more.
func (s *spool) close() {
	if s.mapped != nil {
		_ = unix.Munmap(s.mapped)
		s.mapped = nil
	}
	_ = s.file.Close()
}
