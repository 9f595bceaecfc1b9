#!/bin/sh
# Stops the services when the package is removed, not when it is upgraded. The data
# and the user stay.
set -e
case "$1" in
remove | 0)
	if [ -d /run/systemd/system ]; then
		systemctl disable --now enrow-export.timer enrow-export.service enrow-export-serve.service
	fi
	;;
esac
