package sinks_test

import (
	"testing"

	"enrow-export/sinks"
	"enrow-export/sinks/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, func(*testing.T) sinks.Store { return sinks.NewMemory() })
}

func TestContentMemory(t *testing.T) {
	storetest.Run(t, func(*testing.T) sinks.Store { return sinks.NewContentMemory() })
}
