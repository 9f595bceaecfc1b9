package service

import (
	"context"
	"fmt"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"

	_ "enrow-export/sinks/platform" // processes get signals as groups
)

// Supervisor is systemd, or whatever speaks its protocol, if it has started the process.
// Without one, its methods do nothing.
type Supervisor struct{}

// Ready says that the service has started, or has read its settings again.
func (Supervisor) Ready() { send(daemon.SdNotifyReady) }

// Reloading says that the settings are being read again. Ready has to follow.
func (Supervisor) Reloading() {
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) == nil {
		send(fmt.Sprintf("%s\nMONOTONIC_USEC=%d", daemon.SdNotifyReloading, now.Nano()/1000))
	}
}

// Stopping says that the service is about to end.
func (Supervisor) Stopping() { send(daemon.SdNotifyStopping) }

// Watch says every so often that the process is alive, as often as the supervisor wants it,
// until ctx is done. While alive returns an error it says nothing, and the supervisor starts
// the process again.
func (Supervisor) Watch(ctx context.Context, alive func() error) {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil || every == 0 {
		return
	}
	tick := time.NewTicker(every / 2)
	defer tick.Stop()
	for {
		if alive() == nil {
			send(daemon.SdNotifyWatchdog)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// send is no operation that can fail in a way that matters: nobody may be there.
func send(state string) { _, _ = daemon.SdNotify(false, state) }
