package manifest

// What tests in package manifest_test need of the inside.

// Unmarshal reads an entry as Read does.
func (m Manifest) Unmarshal(id string, data []byte) (*Entry, error) { return m.unmarshal(id, data) }

// Marshal returns an entry as Put writes it.
func (e *Entry) Marshal() ([]byte, error) { return e.marshal() }
