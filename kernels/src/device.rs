//! The device as ggml sees it: a table of functions, registered once.

use std::cell::Cell;
use std::ffi::{CStr, c_char, c_void};
use std::ptr::null_mut;
use std::sync::Once;

use whisper_rs_sys::{
    ggml_backend_buffer_t, ggml_backend_buffer_type_t, ggml_backend_buft_is_host,
    ggml_backend_cpu_buffer_from_ptr, ggml_backend_cpu_buffer_type, ggml_backend_dev_caps,
    ggml_backend_dev_props, ggml_backend_dev_t, ggml_backend_dev_type,
    ggml_backend_dev_type_GGML_BACKEND_DEVICE_TYPE_ACCEL, ggml_backend_reg_t, ggml_backend_register,
    ggml_backend_t, ggml_cgraph, ggml_guid, ggml_status, ggml_tensor,
};

use crate::ffi::{API_VERSION, Backend, BackendTable, Device, DeviceTable, Reg, RegTable};
use crate::graph::{Engine, supports};
use crate::tensor::Tensor;

const NAME: &CStr = c"diting";
const DESCRIPTION: &CStr = c"diting's kernels for AVX-512 VNNI";
const STATUS_SUCCESS: ggml_status = 0;

/// Names the kind of backend; any value that no other backend uses.
static mut GUID: ggml_guid = *b"diting-kernels-1";

thread_local! {
    /// Whether graphs that this thread plans may use the device.
    static IS_ON: Cell<bool> = const { Cell::new(false) };
}

static REGISTERED: Once = Once::new();

/// Makes the device known to ggml, once in the process; ggml keeps the tables for ever.
pub(crate) fn register() {
    REGISTERED.call_once(|| {
        let reg = Box::into_raw(Box::new(Reg {
            api_version: API_VERSION,
            table: RegTable {
                get_name: reg_name,
                get_device_count: reg_device_count,
                get_device: reg_device,
                get_proc_address: reg_proc_address,
            },
            context: null_mut(),
        }));
        let device = Box::into_raw(Box::new(Device {
            table: DeviceTable {
                get_name: device_name,
                get_description: device_description,
                get_memory: device_memory,
                get_type: device_type,
                get_props: device_props,
                init_backend: device_init,
                get_buffer_type: device_buffer_type,
                get_host_buffer_type: None,
                buffer_from_host_ptr: device_buffer_from_host,
                supports_op: device_supports_op,
                supports_buft: device_supports_buft,
                offload_op: None,
                event_new: None,
                event_free: None,
                event_synchronize: None,
            },
            reg: reg.cast(),
            context: null_mut(),
        }));
        // SAFETY: both tables were just made and live for ever.
        unsafe {
            (*reg).context = device.cast();
            ggml_backend_register(reg.cast());
        }
    });
}

/// Lets graphs that this thread plans from now on use the device, or not.
pub(crate) fn set_on(on: bool) {
    IS_ON.set(on);
}

unsafe extern "C" fn reg_name(_: ggml_backend_reg_t) -> *const c_char {
    NAME.as_ptr()
}

unsafe extern "C" fn reg_device_count(_: ggml_backend_reg_t) -> usize {
    1
}

unsafe extern "C" fn reg_device(reg: ggml_backend_reg_t, _: usize) -> ggml_backend_dev_t {
    // SAFETY: ggml passes the table that `register` gave it.
    unsafe { (*reg.cast::<Reg>()).context.cast() }
}

unsafe extern "C" fn reg_proc_address(_: ggml_backend_reg_t, _: *const c_char) -> *mut c_void {
    null_mut()
}

unsafe extern "C" fn device_name(_: ggml_backend_dev_t) -> *const c_char {
    NAME.as_ptr()
}

unsafe extern "C" fn device_description(_: ggml_backend_dev_t) -> *const c_char {
    DESCRIPTION.as_ptr()
}

unsafe extern "C" fn device_memory(_: ggml_backend_dev_t, free: *mut usize, total: *mut usize) {
    // SAFETY: ggml passes two places to write to. 0 means that the device has no memory of its own.
    unsafe {
        *free = 0;
        *total = 0;
    }
}

unsafe extern "C" fn device_type(_: ggml_backend_dev_t) -> ggml_backend_dev_type {
    ggml_backend_dev_type_GGML_BACKEND_DEVICE_TYPE_ACCEL
}

unsafe extern "C" fn device_props(_: ggml_backend_dev_t, props: *mut ggml_backend_dev_props) {
    let caps = ggml_backend_dev_caps {
        async_: false,
        host_buffer: false,
        buffer_from_host_ptr: true,
        events: false,
    };
    // SAFETY: ggml passes a place to write to.
    unsafe {
        props.write(ggml_backend_dev_props {
            name: NAME.as_ptr(),
            description: DESCRIPTION.as_ptr(),
            memory_free: 0,
            memory_total: 0,
            type_: ggml_backend_dev_type_GGML_BACKEND_DEVICE_TYPE_ACCEL,
            device_id: std::ptr::null(),
            caps,
        });
    }
}

unsafe extern "C" fn device_init(device: ggml_backend_dev_t, _: *const c_char) -> ggml_backend_t {
    let backend = Backend {
        guid: &raw mut GUID,
        table: BackendTable {
            get_name: backend_name,
            free: backend_free,
            set_tensor_async: None,
            get_tensor_async: None,
            cpy_tensor_async: None,
            synchronize: None,
            graph_plan_create: None,
            graph_plan_free: None,
            graph_plan_update: None,
            graph_plan_compute: None,
            graph_compute: backend_compute,
            event_record: None,
            event_wait: None,
            graph_optimize: None,
        },
        device,
        context: Box::into_raw(Box::<Engine>::default()).cast(),
    };
    Box::into_raw(Box::new(backend)).cast()
}

unsafe extern "C" fn device_buffer_type(_: ggml_backend_dev_t) -> ggml_backend_buffer_type_t {
    // SAFETY: no conditions.
    unsafe { ggml_backend_cpu_buffer_type() }
}

unsafe extern "C" fn device_buffer_from_host(
    _: ggml_backend_dev_t,
    data: *mut c_void,
    size: usize,
    _: usize,
) -> ggml_backend_buffer_t {
    // SAFETY: ggml vouches for the memory.
    unsafe { ggml_backend_cpu_buffer_from_ptr(data, size) }
}

unsafe extern "C" fn device_supports_op(_: ggml_backend_dev_t, node: *const ggml_tensor) -> bool {
    // SAFETY: ggml passes a node that lives during the call.
    IS_ON.get() && unsafe { Tensor::new(node) }.is_some_and(supports)
}

unsafe extern "C" fn device_supports_buft(_: ggml_backend_dev_t, kind: ggml_backend_buffer_type_t) -> bool {
    // SAFETY: ggml passes a buffer type of its own.
    unsafe { ggml_backend_buft_is_host(kind) }
}

unsafe extern "C" fn backend_name(_: ggml_backend_t) -> *const c_char {
    NAME.as_ptr()
}

unsafe extern "C" fn backend_free(backend: ggml_backend_t) {
    // SAFETY: made by `device_init`, freed once.
    unsafe {
        let backend = Box::from_raw(backend.cast::<Backend>());
        drop(Box::from_raw(backend.context.cast::<Engine>()));
    }
}

unsafe extern "C" fn backend_compute(backend: ggml_backend_t, graph: *mut ggml_cgraph) -> ggml_status {
    // SAFETY: made by `device_init`; ggml uses a backend from one thread at a time and passes a planned graph.
    unsafe {
        let engine = &mut *(*backend.cast::<Backend>()).context.cast::<Engine>();
        engine.compute(graph);
    }
    STATUS_SUCCESS
}
