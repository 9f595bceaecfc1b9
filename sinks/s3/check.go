package s3

import (
	"context"
	"errors"
	"slices"

	"enrow-export/sinks"
)

// Check reports, as sinks.ErrUnreachable, that there is no such bucket, which permissions
// the credentials lack, or that the service knows no conditions. It changes nothing: the
// service looks at permissions before conditions, so a put and a delete under a condition
// that cannot hold tell whether they were allowed. With SingleWriter no condition is
// sent, and Check makes reads only.
func (s *Store) Check(ctx context.Context) error {
	for _, err := range s.List(ctx, "") {
		if err != nil {
			return err
		}
		break
	}
	const nobodys = "_manifest/.check"                   // a name that no object has
	const never = `"00000000000000000000000000000000-1"` // a version that no object has
	probes := []func() error{
		func() error {
			put, err := s.Put(ctx, nobodys, nil, sinks.IfVersion(never))
			if err == nil { // it is there now
				return errors.Join(unreachable(errConditionsIgnored), s.Delete(ctx, nobodys, sinks.IfVersion(put.Version)))
			}
			return err
		},
		func() error {
			_, err := s.Stat(ctx, nobodys)
			return err
		},
	}
	if !s.cfg.SingleWriter {
		probes = append(probes, func() error { return s.probeDelete(ctx, nobodys, never) })
	}
	var missing []string
	for _, probe := range probes {
		err := probe()
		var permission *PermissionError
		switch {
		case errors.As(err, &permission):
			missing = append(missing, permission.Permissions...)
		case err != nil && isConflict(err) == nil && !errors.Is(err, sinks.ErrNotExist):
			return err
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	return unreachable(&PermissionError{Bucket: s.cfg.Bucket, Permissions: slices.Compact(missing)})
}

// probeDelete asks for the delete of an object that is not there.
func (s *Store) probeDelete(ctx context.Context, name, version string) error {
	client, err := s.begin(ctx, name)
	if err != nil {
		return err
	}
	err = s.retry(ctx, func() error { return s.sendDelete(ctx, client, name, version, false) })
	if failedCondition(err, sinks.IfVersion(version)) {
		return nil
	}
	return ended(ctx, s.classify(err, []string{deletePermission}, name))
}
