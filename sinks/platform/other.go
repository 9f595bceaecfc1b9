//go:build !unix

package platform

const _ int = "enrow-export does not run on Windows: use WSL 2"
