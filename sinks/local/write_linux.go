package local

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// writePast writes data to f and asks the system not to keep it: nobody is about
// to read a file that was exported, and what others read should not make place for
// it. Where the system can do that, the pages it writes through are soon free for
// the next file, which costs a fraction of taking new ones each time.
func writePast(f *os.File, data []byte) error {
	for len(data) > 0 {
		n, err := unix.Pwritev2(int(f.Fd()), [][]byte{data}, currentOffset, unix.RWF_DONTCACHE)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			// Whatever it is, the ordinary way either knows it too, or works.
			_, err = f.Write(data)
			return err
		}
		data = data[n:]
	}
	return nil
}

// currentOffset makes pwritev2 write where write would.
const currentOffset = -1
