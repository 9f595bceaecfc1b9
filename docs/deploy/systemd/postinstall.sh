#!/bin/sh
# Makes the user of the services and its data directory. The timer and the service stay disabled.
set -e
if command -v systemd-sysusers > /dev/null; then
	systemd-sysusers enrow-export.conf
	install -d -m 0750 -o enrow-export -g enrow-export /var/lib/enrow-export
fi
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
