/** The Spanish texts of mails and pages, in the polite form. The keys are those of the English texts. */
import type { Translation } from './en.ts';
import { accountPages } from './es-account-pages.ts';

const mails: Translation['mails'] = {
  greeting: 'Hola:',
  greetingByName: 'Hola, {{name}}:',
  footer: 'Este es un mensaje automático; no se leen las respuestas.',
  unexpected: 'Si no esperaba este aviso, hable con su administrador.',
  changePassword:
    'Si no ha sido usted, restablezca su contraseña ahora y avise a su administrador.',
  lifetime: {
    minutes_one: 'un minuto',
    minutes_other: '{{count}} minutos',
    hours_one: 'una hora',
    hours_other: '{{count}} horas',
  },
  verifyEmail: {
    subject: 'Confirme su dirección de correo',
    body: 'Se ha pedido una cuenta para {{email}}. Si ha sido usted, confirme la dirección:',
    bodyByName:
      'Se ha pedido una cuenta para {{email}} con el nombre de arriba. Si ha sido usted, confirme la dirección:',
    button: 'Confirmar esta dirección',
    typed: 'O escriba este código en la página donde se registró:',
    note: 'El código sirve una sola vez, durante {{lifetime}} desde que se pidió. Si no lo ha pedido, o el nombre no es el suyo, no lo use. Sin él no ocurre nada.',
  },
  verifyRegistrations: {
    body_one: 'Hay {{count}} registro pendiente para {{email}}. Confírmelo solo si es suyo:',
    body_other:
      'Hay {{count}} registros pendientes para {{email}}. Confirme solo el suyo. Los demás se eliminarán:',
    registration: '{{name}}, registrado el {{registeredAt}}, válido hasta el {{expiresAt}}',
    button: 'Confirmar el registro de {{name}}',
    note: 'Cada código sirve una sola vez. La página pide la contraseña del registro. Si ninguno es suyo, no use ningún código. Sin él no ocurre nada.',
  },
  alreadyRegistered: {
    subject: 'Ya tiene una cuenta',
    body: 'Alguien ha intentado usar {{email}} para una cuenta. Ya tiene una cuenta con esta dirección, así que no se ha cambiado nada.',
    note: 'Si ha sido usted, inicie sesión como siempre o restablezca su contraseña. Si no ha sido usted, no tiene que hacer nada.',
  },
  accountClosed: {
    subject: 'Su cuenta está cerrada',
    body: 'Alguien ha intentado usar {{email}} para una cuenta. Su cuenta con esta dirección está cerrada, así que no se ha cambiado nada.',
    note: 'Si ha sido usted, pida a su administrador que vuelva a abrir la cuenta. Si no ha sido usted, no tiene que hacer nada.',
  },
  accountChanged: {
    subject: 'Se ha modificado su cuenta',
    body: 'Se han modificado estos datos de su cuenta:',
    changed: 'Modificado',
    fields: {
      email: 'dirección de correo',
      username: 'nombre de usuario',
      firstName: 'nombre',
      lastName: 'apellidos',
    },
  },
  resetPassword: {
    subject: 'Restablezca su contraseña',
    body: 'Hemos recibido una solicitud para restablecer su contraseña de la cuenta {{email}}. Si ha sido usted, elija aquí una contraseña nueva:',
    button: 'Elegir una contraseña nueva',
    note: 'El enlace sirve una sola vez, durante {{lifetime}} desde que se pidió. Si no ha sido usted, no tiene que hacer nada. Su contraseña sigue siendo la misma.',
  },
  invite: {
    subject: 'Se ha creado una cuenta para usted',
    body: 'Un administrador ha creado una cuenta para {{email}}. Elija una contraseña para empezar:',
    button: 'Elegir una contraseña',
    note: 'El enlace sirve una sola vez, durante {{lifetime}} desde su envío. Si no lo esperaba, no tiene que hacer nada. Nadie puede iniciar sesión hasta que se elija una contraseña.',
  },
  changeEmail: {
    subject: 'Confirme su nueva dirección de correo',
    body: 'Alguien quiere usar {{email}} como nueva dirección de su cuenta. Si ha sido usted, confírmela:',
    button: 'Confirmar la nueva dirección',
    note: 'El código sirve una sola vez, durante {{lifetime}} desde que se pidió. Si no lo ha pedido, no lo use. Sin él no ocurre nada.',
  },
  emailChangeRequested: {
    subject: 'Aviso de seguridad: se ha solicitado una nueva dirección de correo',
    body: 'Alguien que conoce su contraseña quiere cambiar la dirección de su cuenta:',
    present: 'Dirección actual',
    requested: 'Dirección nueva',
    unchanged:
      'La dirección actual se mantiene hasta que se confirme la nueva. Si ha sido usted, no tiene que hacer nada aquí.',
    stop: 'Si no ha sido usted, cancele aquí el cambio y después cambie su contraseña:',
    button: 'Cancelar el cambio',
  },
  passwordChanged: {
    subject: 'Aviso de seguridad: se ha cambiado su contraseña',
    body: 'Se ha cambiado la contraseña de la cuenta {{email}}.',
  },
  administratorRights: {
    subject: 'Aviso de seguridad: permisos de administrador',
    body: 'La cuenta {{email}} tiene ahora permisos de administrador.',
  },
  accountDisabled: {
    subject: 'Aviso de seguridad: se ha desactivado su cuenta',
    body: 'Se ha desactivado la cuenta {{email}}. Ya nadie puede iniciar sesión con ella.',
  },
  refreshTokenReused: {
    subject: 'Aviso de seguridad: se ha cerrado una sesión',
    body: 'Se ha cerrado una sesión de {{email}} porque uno de sus tokens se usó dos veces. Esto ocurre cuando alguien ha copiado el token.',
    note: 'Inicie sesión de nuevo. Si no esperaba este aviso, cambie también su contraseña.',
  },
  accountErased: {
    subject: 'Se ha borrado su cuenta',
    body: 'Se ha borrado la cuenta {{email}} con todos los datos guardados sobre usted. No es posible recuperarla.',
    note: 'Si no lo ha pedido usted, avise al administrador. Este es el último mensaje sobre esta cuenta.',
  },
  test: {
    subject: 'Gatehouse puede enviar correo',
    body: 'Esto es una prueba. La configuración de correo de Gatehouse funciona.',
  },
};

const pages: Translation['pages'] = {
  ...accountPages,
  account: 'Cuenta',
  address: 'Dirección',
  errorTitle: 'Error: {{title}}',
  support: '¿Preguntas? Escriba a',
  closeHint: 'Puede cerrar esta página.',
  linkIncomplete: {
    title: 'El enlace está incompleto',
    body: 'Falta una parte del enlace. Abra el enlace del correo o cópielo entero.',
  },
  verifyEmail: {
    title: 'Confirme su dirección de correo',
    body: 'Pulse el botón para confirmar que esta dirección es suya. Después, su cuenta estará lista.',
    registrationBody:
      'Escriba la contraseña que eligió al registrarse. Después, su cuenta estará lista.',
    accountBody: 'Escriba la contraseña de esta cuenta para confirmar que la dirección es suya.',
    typeBody:
      'Escriba el código del correo que recibió al registrarse. O abra el enlace de ese correo.',
    email: 'Dirección de correo',
    code: 'Código',
    codeHint: 'Ocho letras y cifras, como 4F7K-2M9X.',
    typeButton: 'Continuar',
    wrongCode:
      'Este código no es válido para esta dirección. Revise los dos datos. Tras cinco códigos erróneos solo sirve el enlace del correo; un correo nuevo trae otro código.',
    password: 'Contraseña',
    wrongPassword:
      'Esta no es la contraseña de este registro. Si no se ha registrado, elimine el registro.',
    wrongAccountPassword:
      'Esta no es la contraseña de esta cuenta. Si la eligió otra persona, restablezca la contraseña. Eso también confirma la dirección.',
    button: 'Confirmar esta dirección',
    cancelHint: '¿Se ha registrado otra persona con su dirección?',
    cancelButton: 'No he sido yo',
    cancelledTitle: 'Registro eliminado',
    cancelled: 'El registro se ha eliminado. Su código ya no sirve.',
    doneTitle: 'Dirección confirmada',
    done: 'Su cuenta está lista. Ya puede iniciar sesión.',
    deadTitle: 'Este enlace ya no sirve',
    dead: 'Ya se ha usado, ha caducado o lo ha sustituido un correo más reciente.',
    deadHelp:
      'Si ya confirmó la dirección, inicie sesión. Si no, pida otro correo y use su enlace.',
  },
  confirmEmailChange: {
    title: 'Confirme su nueva dirección',
    body: 'Pulse el botón para que esta sea la dirección de su cuenta. A partir de entonces iniciará sesión con ella.',
    button: 'Usar esta dirección',
    doneTitle: 'Dirección cambiada',
    done: 'A partir de ahora inicia sesión con la nueva dirección y en ella recibe los correos.',
    deadTitle: 'Este enlace ya no sirve',
    dead: 'Ya se ha usado, ha caducado o el cambio se canceló.',
    deadHelp:
      'Si ya confirmó el cambio, no tiene que hacer nada. Si no, vuelva a pedirlo en su cuenta.',
  },
  cancelEmailChange: {
    title: 'Cancelar el cambio de dirección',
    body: 'Alguien quiere cambiar la dirección de esta cuenta. Pulse el botón para conservar la actual. También se cerrarán todas las sesiones de la cuenta.',
    button: 'Cancelar el cambio',
    doneTitle: 'El cambio se ha cancelado',
    done: 'La dirección se mantiene y se han cerrado todas las sesiones de la cuenta. La persona que pidió el cambio conoce su contraseña. Restablezca su contraseña ahora.',
    deadTitle: 'Este enlace ya no sirve',
    dead: 'Ya se ha usado, ha caducado o el cambio ya se confirmó o se canceló.',
    deadHelp:
      'Si la dirección de su cuenta se cambió sin su permiso, avise ahora a su administrador.',
  },
  resetPassword: {
    title: 'Elija una contraseña nueva',
    inviteTitle: 'Elija su contraseña',
    body: 'Se cerrarán todas sus sesiones y podrá iniciar sesión con la contraseña nueva.',
    inviteBody: 'Se ha creado una cuenta para usted. Elija una contraseña para iniciar sesión.',
    password: 'Contraseña nueva',
    passwordConfirmation: 'Repita la contraseña nueva',
    hint_one:
      'Al menos {{count}} carácter. Unas cuantas palabras sin relación entre sí son una buena elección.',
    hint_other:
      'Al menos {{count}} caracteres. Unas cuantas palabras sin relación entre sí son una buena elección.',
    button: 'Guardar la contraseña',
    doneTitle: 'Contraseña guardada',
    done: 'Ya puede iniciar sesión con la contraseña nueva.',
    deadTitle: 'Este enlace ya no sirve',
    dead: 'Ya se ha usado, ha caducado o lo ha sustituido un correo más reciente.',
    deadHelp:
      'Si todavía necesita una contraseña nueva, pida otro enlace con la dirección de su cuenta.',
  },
  faults: {
    empty: 'Escriba una contraseña.',
    tooShort_one: 'Use al menos {{count}} carácter.',
    tooShort_other: 'Use al menos {{count}} caracteres.',
    tooLong_one: 'Use como máximo {{count}} carácter.',
    tooLong_other: 'Use como máximo {{count}} caracteres.',
    malformed: 'Esta contraseña contiene caracteres incompletos. Escríbala otra vez.',
    common: 'Elija otra contraseña: esta figura en las listas que los atacantes prueban primero.',
    personal:
      'Elija una contraseña que sea algo más que su nombre, su dirección o el nombre de este servicio.',
    mismatch: 'Las dos contraseñas son distintas. Escriba la misma contraseña dos veces.',
    other: 'Esta contraseña no se acepta. Elija otra.',
  },
  failure: {
    title: 'Algo ha fallado',
    throttled: 'Demasiados intentos. Espere un momento y abra otra vez el enlace del correo.',
    overloaded: 'El servicio está ocupado. Espere un momento y abra otra vez el enlace del correo.',
    malformed: 'El formulario no se ha enviado correctamente. Abra otra vez el enlace del correo.',
    internal: 'Se ha producido un error interno. Vuelva a intentarlo más tarde.',
  },
};

export const es: Translation = { mails, pages };
