;; The smallest WASI command that has a memory: what `measure` runs to see how many instances this machine makes.
;; `probe.wasm` is this text in binary form; a test compares them.
(component
  (core module $probe
    (memory (export "memory") 1)
    (func (export "run") (result i32)
      (i32.store (i32.const 0) (i32.const 1))
      (i32.const 0)))
  (core instance $instance (instantiate $probe))
  (func $run (result (result)) (canon lift (core func $instance "run")))
  (instance $command (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $command)))
