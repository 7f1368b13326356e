"""What other tools have that recipes have too, under another name, or that is no part of a recipe, and where it is."""

from __future__ import annotations

_KEYS = {
    "data": "dataset data_set",
    "data.name": "dataset_name",
    "data.normalize": "mean std standardization normalize_images normalization standardize",
    "data.validation": "val val_split validation_split val_size holdout",
    "augmentation": "augment augmentations transforms aug",
    "augmentation.flip": "hflip horizontal_flip random_horizontal_flip fliplr mirror",
    "augmentation.shift": "random_crop random_affine random_shift translate pad padding",
    "augmentation.crop": "random_crop random_resized_crop rrc scale",
    "augmentation.brightness": "brightness_range random_brightness color_jitter colour_jitter jitter",
    "augmentation.erase": "random_erase random_erasing erasing reprob cutout",
    "augmentation.mixup": "mixup_alpha",
    "augmentation.cutmix": "cutmix_alpha",
    "epochs": "epoch num_epochs max_epochs n_epochs nb_epochs",
    "batch_size": "batch bs batchsize train_batch_size",
    "accumulation": (
        "grad_accum_steps grad_accumulation accumulate_grad_batches "
        "gradient_accumulation gradient_accumulation_steps grad_accum accum_iter"
    ),
    "optimizer": "optim opt optimiser solver",
    "optimizer.lr": "learning_rate_init init_lr eta eta0 learning_rate base_lr max_lr rate",
    "optimizer.weight_decay": "kernel_regularizer regularizer wd decay l2",
    "schedule": "learning_rate_scheduler lr_policy scheduler lr_scheduler lr_schedule sched",
    "schedule.warmup": "warmup_ratio warmup_epochs warmup_steps lr_warmup_epochs",
    "schedule.every": "step_size lr_step_size decay_epochs",
    "schedule.factor": "gamma lr_gamma decay_rate",
    "label_smoothing": "smoothing",
    "clip_gradient": (
        "clipnorm global_clipnorm clip_grad grad_clip "
        "gradient_clip_val clip_grad_norm max_grad_norm gradient_clipping clip"
    ),
    "ema": "model_ema ema_decay model_ema_decay",
    "evaluate_every": "eval_every check_val_every_n_epoch eval_interval",
    "early_stop": "early_stopping patience",
    "precision": "amp dtype mixed_precision bf16 fp16",
    "compile": "torchcompile torch_compile",
    "channels_last": "memory_format",
    "initialization": "init initializer weight_init",
    "seed": "random_seed manual_seed",
    "optimizer.decay_norms_and_biases": "norm_weight_decay bias_weight_decay no_decay",
    "data.train": "limit_train_batches train_size",
    "data.test": "limit_test_batches test_size",
    "data.in_memory": "cache_images cache",
}
"""What other tools call what a key or a section says."""

_CHOICES = {
    "step": "step_lr multi_step_lr exponential_lr",
    "cosine": "cosine_annealing_lr cosine_annealing cosine_decay",
    "linear": "linear_lr polynomial_lr polynomial_decay one_cycle_lr one_cycle",
    "constant": "constant_lr",
}
"""And what they call a schedule."""

_NO_KEYS = {
    "dropout drop drop_rate drop_path drop_path_rate": "it is a layer of the network; see `archdsl explain dropout`",
    "num_workers workers pin_memory persistent_workers prefetch_factor": "no workers are needed; see data.in_memory",
    "shuffle drop_last": "the images come in another order in each epoch, and none is left out",
    "loss criterion loss_fn loss_function": "the loss is the cross entropy; see label_smoothing",
    "metrics metric": "loss and accuracy are told of each epoch, and all else by `archdsl eval`",
    "betas beta1 beta_1 beta2 beta_2 eps epsilon amsgrad": "it is as torch has it by default",
    "rmsprop lion lamb adagrad adadelta nadam radam": "there are adam, adamw, sgd and muon; see optimizer",
    "reduce_lr_on_plateau warm_restarts cosine_annealing_warm_restarts cyclic_lr": (
        "there are constant, cosine, linear and step; see schedule"
    ),
    "rotation random_rotation rotation_range auto_augment aa rand_augment trivial_augment aug_mix": (
        "there is no such augmentation; see augmentation for those that there are"
    ),
    "device devices gpu gpus accelerator": "it is told by --device",
    "data_dir data_path root": "it is told by --data-dir",
    "output_dir out_dir log_dir save_dir": "it is told by --out",
    "resume checkpoint": "it is told by --resume",
    "num_classes nb_classes": "it is the last layer of the network, `fc(10)`",
    "input_size img_size image_size": "it is the network's input, or told by --input",
    "loggers logger tensorboard": "it is told by --tensorboard",
}
"""What is no part of a recipe, and why, or where it is."""


def letters_of(name: str) -> str:
    """A name without its section and as it would be in any manner: `EarlyStopping` is `early_stopping`."""
    return name.rpartition(".")[2].lower().replace("_", "").replace("-", "")


def letters_elsewhere(path: str) -> set[str]:
    """The letters of what other tools call a key, a section, or a schedule."""
    return set(map(letters_of, (_KEYS.get(path) or _CHOICES.get(path, "")).split()))


def why_no_key(name: str) -> str | None:
    """Why there is no key of a name that other tools have, or where it is; None where nothing is known of it."""
    last = letters_of(name)
    return next((why for names, why in _NO_KEYS.items() if last in map(letters_of, names.split())), None)
