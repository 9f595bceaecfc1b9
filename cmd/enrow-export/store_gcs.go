package main

import (
	"errors"
	"io/fs"

	"enrow-export/sinks"
	"enrow-export/sinks/gcs"
	"enrow-export/sinks/network"
)

func gcsFlags() []*flagDef {
	return []*flagDef{
		textFlag("gcs-credentials-file", "FILE", "", "Google credentials for the bucket").file().
			or("those of the machine").
			more("Without it, Application Default Credentials are used."),
	}
}

// openGCS returns the store of a bucket of Cloud Storage.
func openGCS(r root) (sinks.Store, error) {
	s, err := gcs.Open(gcs.Config{
		Bucket: r.bucket, Prefix: r.prefix, CredentialsFile: r.flags.String("gcs-credentials-file"), UserAgent: userAgent,
	})
	var file *fs.PathError
	var setting *network.SettingError
	switch {
	case errors.As(err, &setting):
		return nil, usagef(setting.Hint, "%v", setting)
	case errors.As(err, &file), errors.Is(err, gcs.ErrCredentialsFile):
		return nil, usagef("give a service account's key file, or leave it out to use Application Default Credentials", "--gcs-credentials-file: %v", err)
	case err != nil:
		return nil, r.misnamed(err)
	}
	return s, nil
}
