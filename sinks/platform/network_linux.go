package platform

import "golang.org/x/sys/unix"

// networked are file systems that other machines may share. FUSE may be anything.
var networked = map[uint32]string{
	unix.NFS_SUPER_MAGIC:  "NFS",
	unix.CIFS_SUPER_MAGIC: "SMB",
	unix.SMB2_SUPER_MAGIC: "SMB",
	unix.SMB_SUPER_MAGIC:  "SMB",
	unix.CEPH_SUPER_MAGIC: "Ceph",
	unix.V9FS_MAGIC:       "9P",
	unix.AFS_SUPER_MAGIC:  "AFS",
	unix.AFS_FS_MAGIC:     "AFS",
	unix.CODA_SUPER_MAGIC: "Coda",
	unix.FUSE_SUPER_MAGIC: "FUSE",
	0x0bd00bd0:            "Lustre",
	0x47504653:            "GPFS",
	0x19830326:            "BeeGFS",
	0x01161970:            "GFS2",
	0x7461636f:            "OCFS2",
}

// Network returns the name of the file system of a path if other machines may share it, or
// if it is FUSE, which hides what is behind it. Else the name is empty.
func Network(path string) (string, error) {
	var s unix.Statfs_t
	if err := statfs(path, &s); err != nil {
		return "", err
	}
	return networked[uint32(s.Type)], nil
}
